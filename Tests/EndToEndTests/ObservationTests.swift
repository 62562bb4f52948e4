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

    private func get(_ path: String, _ port: Int) throws -> String {
        let socket = try PlainSocket(port: port)
        try socket.send(Array("GET \(path) HTTP/1.1\r\nhost: test\r\n\r\n".utf8))
        var bytes: [UInt8] = []
        while let byte = try socket.read(1) { bytes += byte }
        return String(decoding: bytes, as: UTF8.self)
    }
}
