package import CouponClient
internal import CouponDomain
package import CouponWire
package import NIOCore
internal import NIOPosix
internal import Synchronization

extension ServerInfo {
    fileprivate static let canned = ServerInfo(
        version: "test", partitions: 1, maximumFrameBytes: 65_536, now: Timestamp(microseconds: 0))
}

/// A listener on loopback that speaks the protocol and gives the answers of a test: the client's other
/// side.
package struct CannedDaemon: Sendable {
    /// What to do with a request.
    package enum Reply: Sendable {
        case answer(Response.Result)
        /// The answer, once the test has it.
        case later(EventLoopFuture<Response.Result>)
        case silence
        case hangUp
        /// A response with the id 0.
        case notice(Response.Result)
    }

    /// Where it listens.
    package let address: ServerAddress
    private let listener: any Channel
    private let accepted: Counter

    /// How many connections it has had.
    package var connections: Int { accepted.count.load(ordering: .relaxed) }

    private final class Counter: Sendable {
        let count = Atomic(0)
    }

    /// Answers the first request of a client's connection itself. Listens on a free port.
    package static func start(
        _ reply: @escaping @Sendable (Request) -> Reply
    ) async throws -> CannedDaemon {
        let accepted = Counter()
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(ChannelOptions.backlog, value: 256)
            .childChannelInitializer { channel in
                accepted.count.add(1, ordering: .relaxed)
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(reply))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = listener.localAddress?.port ?? 0
        return CannedDaemon(
            address: ServerAddress(host: "127.0.0.1", port: port), listener: listener,
            accepted: accepted)
    }

    /// Accepts no more connections.
    package func stop() async throws { try await listener.close() }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let reply: @Sendable (Request) -> Reply
        private var wire = DaemonWire()
        private var answers = ByteBuffer()

        init(_ reply: @escaping @Sendable (Request) -> Reply) { self.reply = reply }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            wire.feed(unwrapInboundIn(data))
            do {
                while let request = try wire.next() {
                    if case .serverInfo(acceptsGoAway: true) = request.method {
                        let info = Response.Result.serverInfo(.canned)
                        wire.write(Response(id: request.id, result: info), to: &answers)
                        continue
                    }
                    switch reply(request) {
                    case .answer(let result):
                        wire.write(Response(id: request.id, result: result), to: &answers)
                    case .later(let result): answer(request.id, with: result, context)
                    case .silence: break
                    case .notice(let result):
                        wire.write(Response(id: 0, result: result), to: &answers)
                    case .hangUp: return context.close(promise: nil)
                    }
                }
            } catch {
                context.close(promise: nil)
            }
        }

        private func answer(
            _ id: UInt64, with result: EventLoopFuture<Response.Result>,
            _ context: ChannelHandlerContext
        ) {
            result.hop(to: context.eventLoop).assumeIsolated().whenSuccess { result in
                let frame = DaemonWire.frame(Response(id: id, result: result))
                context.writeAndFlush(self.wrapOutboundOut(frame), promise: nil)
            }
        }

        func channelReadComplete(context: ChannelHandlerContext) {
            guard answers.readableBytes > 0 else { return }
            context.writeAndFlush(wrapOutboundOut(answers), promise: nil)
            answers = ByteBuffer()
        }
    }
}
