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
                "\ncoupond_proxy_headers_missing_total 1\n"))
        try await daemon.process.logs("without a PROXY header")
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `a connection from a proxy that sends no header ends after two seconds`()
        async throws
    {
        let world = try await World()
        let metrics = Int(try freePort())
        let daemon = try Daemon(
            world, ["--proxies", "127.0.0.0/8", "--metrics-listen", "127.0.0.1:\(metrics)"])
        try await eventually("it listens") {
            _ = try PlainSocket(port: daemon.port)
            return daemon.process.logText.contains("listening")
        }
        let silent = try PlainSocket(port: daemon.port)
        try silent.send(Array(Self.caller.prefix(20)))
        #expect(try silent.read(1) == nil)
        try await daemon.process.logs("without a PROXY header")
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `limits of an address are those of the caller that the proxy names`() async throws {
        let world = try await World()
        let daemon = try Daemon(
            world, ["--proxies", "127.0.0.0/8", "--max-connections-per-address", "2"])
        let request = try Request(id: 1, method: .health).frame()
        func caller(_ header: [UInt8]) throws -> Response? {
            let socket = try PlainSocket(port: daemon.port)
            try socket.send(header + request)
            defer { kept.append(socket) }
            return try socket.response()
        }
        var kept: [PlainSocket] = []
        try await eventually("it listens") {
            _ = try PlainSocket(port: daemon.port)
            return daemon.process.logText.contains("listening")
        }
        var other = Self.caller
        other[19] = 10
        // The caller's first eight bytes are its network.
        let sixth =
            Self.signature + [0x21, 0x21, 0, 36] + [0x20, 1, 0xD, 0xB8]
            + [UInt8](repeating: 1, count: 12)
            + [UInt8](repeating: 0, count: 16) + [1, 2, 3, 4]
        for header in [Self.caller, other, sixth] {
            #expect(try caller(header)?.id == 1)
            #expect(try caller(header)?.id == 1)
            #expect(
                try caller(header)
                    == Response(
                        id: 0,
                        result: .failure(.exhausted("too many connections from this address"))))
        }
        #expect(try await daemon.stop() == .code(0))
    }
}
