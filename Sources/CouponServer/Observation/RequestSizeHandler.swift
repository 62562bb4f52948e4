/// Answers an HTTP request that is too long, and reads no more of it. The client, or the timeout, closes.
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

    private let refused: ObservationHandler.Refused
    private var count = 0

    /// - Parameter refused: called for each request that is too long.
    init(refused: @escaping ObservationHandler.Refused) { self.refused = refused }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let wasRefused = count > Limits.observationBytes
        count += unwrapInboundIn(data).readableBytes
        guard count > Limits.observationBytes else { return context.fireChannelRead(data) }
        guard !wasRefused else { return }
        refused("it was too long", "", context.remoteAddress?.ipAddress)
        let answer = ByteBuffer(string: Self.answer)
        context.writeAndFlush(wrapOutboundOut(answer)).assumeIsolated().whenComplete { _ in
            // To close the whole socket while bytes are unread would take the answer from the client.
            context.close(mode: .output, promise: nil)
        }
    }
}
