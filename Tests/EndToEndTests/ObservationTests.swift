import CouponClient
import CouponCore
import CouponWire
import Glibc
import TestSupport
import TestWorld
import Testing

/// What those who watch a daemon see of it: systemd, and HTTP.
@Suite(.machine(.asking), .timeLimit(.minutes(1))) struct ObservationTests {
    @Test func `systemd is told of readiness, life and the drain`() async throws {
        let world = try await World()
        let systemd = try NotifySocket(world.folder.file("notify"))
        let daemon = try Daemon(
            world,
            environment: [
                "NOTIFY_SOCKET": world.folder.file("notify"), "WATCHDOG_USEC": "200000",
            ])
        for message in ["READY=1", "WATCHDOG=1", "WATCHDOG=1"] {
            var heard = ""
            try await eventually("\(message) is said") {
                heard = systemd.receive()
                return !heard.isEmpty
            }
            #expect(heard == message)
        }
        daemon.process.signal(SIGTERM)
        try await eventually("the drain is said") { systemd.receive() == "STOPPING=1" }
        #expect(try await daemon.process.waitForEnd() == .code(0))
    }

    @Test func `health and metrics are served over HTTP`() async throws {
        let world = try await World()
        let port = Int(try freePort())
        let daemon = try await world.daemon(["--metrics-listen", "127.0.0.1:\(port)"])
        #expect(try get("/livez", port).hasPrefix("HTTP/1.1 200"))
        #expect(try get("/readyz", port).hasSuffix("ready\n"))
        #expect(try get("/else", port).hasPrefix("HTTP/1.1 404"))
        _ = try await daemon.client.create(.offer(1, total: 1))
        for user in 1...2 {
            _ = try await daemon.client.issue(
                IssueRequest(
                    coupon: CouponID(1), user: UserID(Int64(user)), waitFor: .issued))
        }
        let metrics = try get("/metrics", port)
        #expect(metrics.contains("coupond_requests_total{outcome=\"issued\"} 1\n"))
        #expect(metrics.contains("coupond_requests_total{outcome=\"sold_out\"} 1\n"))
        #expect(metrics.contains("\ncoupond_issued_total 1\n"))
        try await world.redis.kill()
        try await eventually("it is not ready without Redis") {
            try get("/readyz", port).hasPrefix("HTTP/1.1 503")
        }
        try await world.redis.restart()
        try await daemon.ready()
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `a subscription that is refused is told, and when it stands again`() async throws {
        let world = try await World()
        let port = Int(try freePort())
        let daemon = try await world.daemon(["--metrics-listen", "127.0.0.1:\(port)"])
        func subscription(_ value: String) async throws {
            try await eventually("the subscription is \(value)") {
                try get("/metrics", port).contains("\ncoupond_subscription_up \(value)\n")
            }
        }
        try await subscription("1.0")
        try await world.redis.cli("ACL", "SETUSER", "default", "resetchannels")
        try await subscription("0.0")
        #expect(daemon.process.logTail(lines: 10_000).contains("the event subscription is broken"))
        try await eventually("the lasting reason is told") {
            daemon.process.logTail(lines: 10_000).contains("NOPERM")
        }
        try await world.redis.cli("ACL", "SETUSER", "default", "allchannels")
        try await subscription("1.0")
        try await eventually("the end is told") {
            daemon.process.logTail(lines: 10_000).contains("the event subscription stands again")
        }
        #expect(try await daemon.stop() == .code(0))
    }
}

/// What a path of the HTTP port answers, headers and all.
func get(_ path: String, _ port: Int) throws -> String {
    try ask(path, PlainSocket(port: port))
}

/// The same over a connection that stands already.
func ask(_ path: String, _ socket: PlainSocket) throws -> String {
    try socket.send(Array("GET \(path) HTTP/1.1\r\nhost: test\r\n\r\n".utf8))
    var bytes: [UInt8] = []
    while let byte = try socket.read(1) { bytes += byte }
    return String(decoding: bytes, as: UTF8.self)
}
