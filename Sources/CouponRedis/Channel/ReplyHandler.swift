/// The end of the channel: reads bytes and gives replies to the link.
internal import NIOCore

final class ReplyHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private weak var link: RedisLink?
    private var reader: ReplyReader?

    init(link: RedisLink) {
        self.link = link
        reader = ReplyReader()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        do throws(ProtocolFailure) {
            try reader?.feed(buffer.readableBytesSpan)
            while let reply = try reader?.next() { link?.receive(reply) }
        } catch {
            link?.close(reason: "Redis: \(error.text)")
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        link?.close(reason: "Redis closed the connection")
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        link?.close(reason: ConnectionBreak(error, on: context.channel).text)
        context.close(promise: nil)
    }
}
