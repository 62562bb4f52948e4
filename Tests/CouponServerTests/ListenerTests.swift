/// What a listener and its connections take from the event loop and from the kernel, with real sockets.
import CouponCore
import Logging
import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import CouponServer

@Suite struct ListenerTests {
    @Test func `a client that reads nothing costs what its unread answers may hold, and no more`()
        async throws
    {
        try await withListener { listener, loopServer, port in
            let client = try PlainSocket(port: port, receiveBuffer: 4_096)
            // An issue without fields: 8 bytes, whose answer is some seven times as long.
            let question: [UInt8] = [0, 0, 0, 4, 0x08, 0x05, 0x52, 0x00]
            let questions = Array([[UInt8]](repeating: question, count: 2_000).joined())
            var sent = 0
            try await eventually("the daemon stops reading") {
                sent += try client.sendAtOnce(Array(questions[(sent % questions.count)...]))
                return try await loopServer.eventLoop.submit {
                    loopServer.value.connections.all.contains { $0.isStopped }
                }.get()
            }
            let given = try await loopServer.eventLoop.submit { loopServer.value.bytesSent }.get()
            #expect(given > Limits.unreadBytesPerConnection / 2)
            #expect(given < 2 * Limits.unreadBytesPerConnection, "the kernel takes the rest")
        }
    }

    @Test func `one turn accepts several connections, and reads once from each of them`()
        async throws
    {
        try await withListener { listener, loopServer, port in
            #expect(
                try await listener.getOption(.maxMessagesPerRead).get() == Limits.openingsPerTurn)
            let client = try PlainSocket(port: port)
            var reads: UInt?
            try await eventually("the connection is accepted") {
                reads = try await loopServer.eventLoop.submit {
                    try loopServer.value.connections.all.first?.readsInTurn
                }.get()
                return reads != nil
            }
            #expect(reads == 1)
            _ = client
        }
    }

    /// Listens at a port of its own, with one event loop.
    private func withListener(
        _ body: (any Channel, NIOLoopBound<LoopServer>, Int) async throws -> Void
    ) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let clocks = Clocks(
            now: { MonotonicTime(nanoseconds: 1) }, wallNow: { Timestamp(microseconds: 1) },
            pause: { _ in })
        var configuration = ServerConfiguration(
            version: "test",
            worker: WorkerOptions(partitioning: Partitioning(count: 4), clocks: clocks))
        configuration.listen = [.tcp(host: "127.0.0.1", port: 0)]
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let server = CouponServer(
            group: group, configuration: configuration, environment: NoEnvironment(),
            logger: logger)
        let loopServer = try await group.any().submit {
            NIOLoopBound(
                LoopServer(
                    loop: group.any(), configuration: server.configuration,
                    environment: server.environment, work: server.work,
                    loopServers: server.loopServers, logger: logger),
                eventLoop: group.any())
        }.get()
        let listener = try #require(try await server.listen([loopServer]).first)
        let result: Result<Void, any Error>
        do {
            result = .success(
                try await body(listener, loopServer, #require(listener.localAddress?.port)))
        } catch {
            result = .failure(error)
        }
        try await listener.close().get()
        try await loopServer.eventLoop.submit { loopServer.value.close() }.get()
        try await group.shutdownGracefully()
        try result.get()
    }
}

extension ServerConnection {
    /// Whether it is not read because its client does not read.
    fileprivate var isStopped: Bool { context?.channel.isWritable == false }

    fileprivate var readsInTurn: UInt? {
        get throws { try context?.channel.syncOptions?.getOption(.maxMessagesPerRead) }
    }
}
