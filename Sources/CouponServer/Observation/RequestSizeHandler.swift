/// Answers an HTTP request that is too long, and reads no more of it. The client, or the timeout, closes. If
/// a whole request has come before, the rest is only not read.
internal import CouponCore
internal import NIOCore

final class RequestSizeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private static let answer = """
        HTTP/1.1 431 Request Header Fields Too Large\r
        content-length: 0\r
        connection: close\r
        \r

        """

    private let observer: ObservationHandler
    private var count = 0

    /// - Parameter observer: what answers the request.
    init(_ observer: ObservationHandler) { self.observer = observer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let wasRefused = count > Limits.observationBytes
        count += unwrapInboundIn(data).readableBytes
        guard count > Limits.observationBytes else { return context.fireChannelRead(data) }
        guard !wasRefused, observer.endLong(context.remoteAddress?.ipAddress) else { return }
        let answer = ByteBuffer(string: Self.answer)
        context.writeAndFlush(wrapOutboundOut(answer)).assumeIsolated().whenComplete { _ in
            // To close the whole socket while bytes are unread would take the answer from the client.
            context.close(mode: .output, promise: nil)
        }
    }
}
