/// Reads who is at the other side of a proxy, before anything else looks at the connection. It stands next to
/// the socket.
internal import CouponCore
internal import NIOCore

final class ProxyHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let connection: ServerConnection
    /// Called if something other than a header comes, or nothing in time.
    private let refuse: () -> Void
    private var received = ByteBuffer()
    private var deadline: Scheduled<Void>?
    /// Whether the header has been read, so that the other handlers know of the connection.
    private var isOver = false

    init(_ connection: ServerConnection, refuse: @escaping () -> Void) {
        self.connection = connection
        self.refuse = refuse
    }

    func channelActive(context: ChannelHandlerContext) {
        deadline = context.eventLoop.assumeIsolated().scheduleTask(
            in: .milliseconds(Limits.handshakeMilliseconds)
        ) { self.end(context) }
        context.read()
    }

    /// Closes a connection that has no header.
    private func end(_ context: ChannelHandlerContext) {
        refuse()
        context.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return context.fireChannelRead(data) }
        var bytes = unwrapInboundIn(data)
        received.writeBuffer(&bytes)
        switch ProxyHeader(Array(received.readableBytesView.prefix(ProxyHeader.limit))) {
        case .needMore: break
        case .refused: end(context)
        case .read(let source, let length): begin(context, source, length)
        }
    }

    private func begin(_ context: ChannelHandlerContext, _ source: String?, _ length: Int) {
        isOver = true
        deadline?.cancel()
        // Set even if the proxy does not say for whom it calls: its caller never counts as on this machine.
        connection.source = source ?? context.remoteAddress?.ipAddress ?? ""
        context.fireChannelActive()
        received.moveReaderIndex(forwardBy: length)
        if received.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(received)) }
        received = ByteBuffer()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if isOver { context.fireChannelReadComplete() } else { context.read() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard !isOver else { return context.fireUserInboundEventTriggered(event) }
        guard let event = event as? ChannelEvent, event == .inputClosed else { return }
        if received.readableBytes > 0 {
            end(context)
        } else {
            // A check that only connects, as load balancers and monitors make it: nobody was refused.
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        if isOver { context.fireChannelInactive() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if isOver { context.fireErrorCaught(error) } else { context.close(promise: nil) }
    }
}
