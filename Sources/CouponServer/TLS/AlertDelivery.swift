/// Lets a caller read why its handshake failed. It stands between the socket and TLS.
///
/// The caller may have sent a request behind its handshake. To close a socket with unread bytes resets the
/// connection, and then the caller may lose the alert that names the reason.
internal import CouponCore
internal import NIOCore
internal import NIOSSL

final class AlertDelivery: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Whether only the end of the caller is awaited.
    private var isEnding = false
    private var deadline: Scheduled<Void>?

    /// The handshake has failed: what the caller sends now is thrown away until it closes.
    func end() { isEnding = true }

    func close(
        context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?
    ) {
        guard isEnding, mode == .all, deadline == nil else {
            return context.close(mode: mode, promise: promise)
        }
        deadline = context.eventLoop.assumeIsolated().scheduleTask(
            in: .milliseconds(Limits.alertMilliseconds)
        ) { context.close(promise: nil) }
        context.close(mode: .output, promise: promise)
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if deadline == nil { context.fireChannelRead(data) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if deadline == nil { context.fireChannelReadComplete() } else { context.read() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard deadline != nil, let event = event as? ChannelEvent, event == .inputClosed else {
            return context.fireUserInboundEventTriggered(event)
        }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        context.fireChannelInactive()
    }
}
