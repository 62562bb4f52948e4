/// HTTP for `/metrics`, `/livez` and `/readyz`: GET only, one request on each connection, and idle
/// connections are closed.
internal import NIOCore
internal import NIOHTTP1

final class ObservationHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// The response for a path.
    struct Page: Sendable {
        var status: HTTPResponseStatus
        var body: String
    }

    private let page: @Sendable (String) -> EventLoopFuture<Page>
    private var request: HTTPRequestHead?

    init(page: @escaping @Sendable (String) -> EventLoopFuture<Page>) { self.page = page }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            request = head
        case .body:
            break
        case .end:
            guard let request else { return }
            self.request = nil
            answer(request, context)
        }
    }

    private func answer(_ request: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard request.method == .GET else {
            write(Page(status: .methodNotAllowed, body: "GET only\n"), request, context)
            return
        }
        page(request.uri).hop(to: context.eventLoop).assumeIsolated().whenComplete { result in
            let page = (try? result.get()) ?? Page(status: .serviceUnavailable, body: "closing\n")
            self.write(page, request, context)
        }
    }

    private func write(
        _ page: Page, _ request: HTTPRequestHead, _ context: ChannelHandlerContext
    ) {
        var head = HTTPResponseHead(version: request.version, status: page.status)
        head.headers.add(name: "content-type", value: "text/plain; version=0.0.4; charset=utf-8")
        head.headers.add(name: "content-length", value: "\(page.body.utf8.count)")
        head.headers.add(name: "connection", value: "close")
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(
            wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: page.body)))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).assumeIsolated().whenComplete { _ in
            context.close(promise: nil)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // A healthy client is never idle for that long.
        if event is IdleStateHandler.IdleStateEvent { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
