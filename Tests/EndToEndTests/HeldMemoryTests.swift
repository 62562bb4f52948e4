/// The memory that connections keep when they are at rest.
import CouponClient
import CouponCore
import CouponWire
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.overloading), .timeLimit(.minutes(4))) struct HeldMemoryTests {
    private static let connections = 100
    private static let requests = 12_000

    private let world: World

    init() async throws { world = try await World() }

    private func daemon(_ flags: [String], usesTLS: Bool) async throws -> Daemon {
        let flags = flags + ["--log-level", "info"]
        guard usesTLS else { return try await world.daemon(flags) }
        let certificates = try await Certificates(in: world.folder)
        let server = try await certificates.make("server")
        let daemon = try Daemon(world, server.flags + flags, tls: certificates.client())
        try await daemon.ready()
        return daemon
    }

    /// Sends so many requests at once, which bounce, and reads all answers.
    private func flood(
        _ connection: RawConnection, _ request: [UInt8], answerBytes: Int
    ) async throws {
        let before = connection.received
        try await connection.send(
            Array([[UInt8]](repeating: request, count: Self.requests).joined()))
        try await eventually("all is answered", within: .seconds(60)) {
            connection.received == before + Self.requests * answerBytes
        }
    }

    @Test(arguments: [(false, 48), (true, 144)])
    func `a connection that has sent and read much keeps little`(
        _ usesTLS: Bool, _ most: Int
    ) async throws {
        let daemon = try await daemon([], usesTLS: usesTLS)
        _ = try await daemon.client.create(.offer(1, total: 1))
        try await eventually("it is sold out") {
            _ = try await daemon.ask(CouponID(1), 1)
            return try await daemon.ask(CouponID(1), 2) == .soldOut
        }
        let request = try Request(
            id: 7, method: .issue(IssueRequest(coupon: CouponID(1), user: UserID(1 << 20)))
        ).frame()
        var connections: [RawConnection] = []
        for _ in 0..<Self.connections {
            let connection = try await RawConnection(port: daemon.port, usesTLS: usesTLS)
            try await connection.send(request)
            try await eventually("it is answered") { connection.received > 0 }
            connections.append(connection)
        }
        let answerBytes = connections[0].received
        // A first flood, so that what the process needs for any flood does not count as a connection's
        // memory.
        let first = connections.removeFirst()
        try await flood(first, request, answerBytes: answerBytes)
        first.close()
        let before = try daemon.residentKiB()
        for connection in connections {
            try await flood(connection, request, answerBytes: answerBytes)
        }
        let each = (try daemon.residentKiB() - before) / connections.count
        #expect(each <= most, "KiB for each connection")
        for connection in connections { connection.close() }
    }

    @Test func `half a TLS record ends its connection, as half a frame does`() async throws {
        let metricsPort = Int(try freePort())
        let daemon = try await daemon(
            ["--metrics-listen", "127.0.0.1:\(metricsPort)"], usesTLS: true)
        let stuck = try await RawConnection(port: daemon.port, usesTLS: true)
        let request = try Request(id: 1, method: .health).frame()
        try await stuck.send(request)
        try await eventually("it is answered") { stuck.received > 0 }
        stuck.cutRecords()
        try await stuck.send(request)
        try await eventually("it is closed", within: .seconds(40)) {
            try httpGet("/metrics", port: metricsPort).contains(
                "\ncoupond_limited_total{reason=\"frame\"} 1\n")
        }
        try await eventually("its place is free") { !stuck.isOpen }
    }
}
