/// The end of the channel: bytes in, replies to the link.
internal import NIOCore

final class ReplyHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private weak var link: GateLink?
    private var reader: ReplyReader?

    init(link: GateLink) {
        self.link = link
        reader = ReplyReader()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        do throws(ProtocolFailure) {
            try reader?.feed(buffer.readableBytesSpan)
            while let reply = try reader?.next() { link?.receive(reply) }
        } catch {
            link?.lost("Redis: \(error.text)")
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        link?.lost("Redis closed the connection")
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        link?.lost("the connection to Redis broke: \(error)")
        context.close(promise: nil)
    }
}
