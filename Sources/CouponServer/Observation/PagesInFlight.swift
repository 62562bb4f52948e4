/// Pages that are being made. Requests for the same page that come in that time get it too: a flood of
/// requests asks the event loops once at a time.
internal import NIOCore

struct PagesInFlight: Sendable {
    typealias Page = ObservationHandler.Page

    /// A page, and which parts of it its reader may see.
    struct Question: Hashable, Sendable {
        let path: String
        var view: PageView = []
    }

    private let pages: NIOLoopBoundBox<[Question: EventLoopFuture<Page>]>
    private let make: @Sendable (Question) -> EventLoopFuture<Page>

    /// - Parameter loop: on which everything here runs.
    init(on loop: any EventLoop, make: @escaping @Sendable (Question) -> EventLoopFuture<Page>) {
        pages = .makeBoxSendingValue([:], eventLoop: loop)
        self.make = make
    }

    /// The page, which others may have asked for.
    func page(_ question: Question) -> EventLoopFuture<Page> {
        if let page = pages.value[question] { return page }
        let page = make(question)
        pages.value[question] = page
        page.whenComplete { [pages] _ in pages.value[question] = nil }
        return page
    }
}
