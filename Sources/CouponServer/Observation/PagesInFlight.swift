/// Pages that are being made. Requests for the same page that come in that time get it too: a flood of
/// requests asks the event loops once at a time.
internal import NIOCore

struct PagesInFlight: Sendable {
    typealias Page = ObservationHandler.Page

    private let pages: NIOLoopBoundBox<[String: EventLoopFuture<Page>]>
    private let make: @Sendable (String) -> EventLoopFuture<Page>

    /// - Parameter loop: on which everything here runs.
    init(on loop: any EventLoop, make: @escaping @Sendable (String) -> EventLoopFuture<Page>) {
        pages = .makeBoxSendingValue([:], eventLoop: loop)
        self.make = make
    }

    /// The page at a path.
    func page(_ path: String) -> EventLoopFuture<Page> {
        if let page = pages.value[path] { return page }
        let page = make(path)
        pages.value[path] = page
        page.whenComplete { [pages] _ in pages.value[path] = nil }
        return page
    }
}
