/// Connections that carry any bytes, with TLS or without. They read whatever comes, and count it.
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import Synchronization

package struct RawConnection: Sendable {
    /// What a connection has received, and whether it sends only the beginning of a record.
    private final class Tally: Sendable {
        let received = Atomic(0)
        let isCut = Atomic(false)
    }

    private let channel: any Channel
    private let tally: Tally

    /// - Parameter usesTLS: then any certificate of the daemon is good enough.
    package init(port: Int, usesTLS: Bool) async throws {
        tally = Tally()
        channel = try await Self.connect(port, usesTLS, tally).get()
    }

    /// The same, on a thread that may block.
    @available(*, noasync)
    package init(blockingWithPort port: Int, usesTLS: Bool) throws {
        tally = Tally()
        channel = try Self.connect(port, usesTLS, tally).wait()
    }

    private static func connect(
        _ port: Int, _ usesTLS: Bool, _ tally: Tally
    ) throws -> EventLoopFuture<any Channel> {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .none
        let tls = usesTLS ? try NIOSSLContext(configuration: configuration) : nil
        return ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls {
                        try pipeline.addHandler(Cutter(tally))
                        try pipeline.addHandler(
                            NIOSSLClientHandler(context: tls, serverHostname: nil))
                    }
                    try pipeline.addHandler(Counter(tally))
                }
            }
            .connect(host: "127.0.0.1", port: port)
    }

    /// Bytes that were received, without those of TLS.
    package var received: Int { tally.received.load(ordering: .relaxed) }

    /// False once the daemon has closed it.
    package var isOpen: Bool { channel.isActive }

    /// Sends all bytes.
    package func send(_ bytes: [UInt8]) async throws {
        try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }

    /// Sends bytes as soon as there is room for them.
    package func sendLater(_ bytes: [UInt8]) {
        channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
    }

    /// From now on the last byte of each TLS record is left out.
    package func cutRecords() { tally.isCut.store(true, ordering: .relaxed) }

    package func close() { channel.close(promise: nil) }

    private final class Counter: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let tally: Tally

        init(_ tally: Tally) { self.tally = tally }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            tally.received.add(unwrapInboundIn(data).readableBytes, ordering: .relaxed)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }

    /// Between the socket and TLS.
    private final class Cutter: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let tally: Tally

        init(_ tally: Tally) { self.tally = tally }

        func write(
            context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?
        ) {
            var bytes = unwrapOutboundIn(data)
            if tally.isCut.load(ordering: .relaxed) {
                bytes.moveWriterIndex(to: max(bytes.readerIndex, bytes.writerIndex - 1))
            }
            context.write(wrapOutboundOut(bytes), promise: promise)
        }
    }
}
