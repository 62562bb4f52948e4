import CouponClient
import CouponCore
import CouponWire
import NIOCore
import NIOPosix

/// A listener on loopback that answers as it is told.
struct CannedDaemon: Sendable {
    /// What to do with a request.
    enum Reply: Sendable {
        case answer(Response.Result)
        case silence
        case hangUp
    }

    let address: ServerAddress
    private let listener: any Channel

    /// Listens on a free port.
    static func start(_ reply: @escaping @Sendable (Request) -> Reply) async throws -> CannedDaemon
    {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(reply))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = listener.localAddress?.port ?? 0
        return CannedDaemon(
            address: ServerAddress(host: "127.0.0.1", port: port), listener: listener)
    }

    func stop() async throws { try await listener.close() }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let reply: @Sendable (Request) -> Reply
        private var received = ByteBuffer()

        init(_ reply: @escaping @Sendable (Request) -> Reply) { self.reply = reply }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var bytes = unwrapInboundIn(data)
            received.writeBuffer(&bytes)
            for request in (try? received.readRequests()) ?? [] {
                switch reply(request) {
                case .answer(let result):
                    let frame = ByteBuffer.frame(Response(id: request.id, result: result))
                    context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
                case .silence: break
                case .hangUp: context.close(promise: nil)
                }
            }
        }
    }
}
