/// Callers behind a proxy that speaks the PROXY protocol.
import CouponCore
import CouponWire
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(3))) struct ProxyTests {
    private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]
    /// The proxy itself.
    private static let local = signature + [0x20, 0, 0, 0]
    /// A caller at 203.0.113.9.
    private static let caller =
        signature + [0x21, 0x11, 0, 12, 203, 0, 113, 9, 127, 0, 0, 1, 1, 2, 3, 4]

    @Test func `the caller that a proxy names counts, not the proxy`() async throws {
        let world = try await World()
        let metrics = Int(try freePort())
        let daemon = try Daemon(
            world, ["--proxies", "127.0.0.0/8", "--metrics-listen", "127.0.0.1:\(metrics)"])
        try await eventually("it listens") {
            let socket = try PlainSocket(port: daemon.port)
            try socket.send(Self.local)
            try socket.checkAlive()
            return true
        }
        let list = try Request(id: 1, method: .listCoupons(after: CouponID(0), limit: 1)).frame()
        let proxy = try PlainSocket(port: daemon.port)
        try proxy.send(Self.local + list)
        #expect(try proxy.response()?.id == 1)
        // The header may come in pieces, and the first request with it.
        let other = try PlainSocket(port: daemon.port)
        try other.send(Array(Self.caller.prefix(9)))
        try other.send(Array(Self.caller.dropFirst(9)) + list)
        let (id, failure) = try other.failure()
        #expect(id == 1 && failure.code == .permissionDenied)
        try other.checkAlive()
        // Without a header: nothing that a caller sends is believed.
        let plain = try PlainSocket(port: daemon.port)
        try plain.send(list)
        #expect((try? plain.read(1)) == nil)
        #expect(
            try httpGet("/metrics", port: metrics).contains(
                "\ncoupond_connections_refused_total 1\n"))
        #expect(daemon.process.logTail().contains("without a PROXY header"))
        #expect(try await daemon.stop() == .code(0))
    }
}
