/// What Prometheus reads of each kind of daemon, and the metrics that only some of them have.
import CouponClient
import CouponCore
import Foundation
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.overloading), .timeLimit(.minutes(3))) struct MetricsFormatTests {
    private func metrics(_ port: Int) throws -> String {
        let text = try httpGet("/metrics", port: port)
        let end = try #require(text.firstRange(of: "\r\n\r\n"))
        return String(text[end.upperBound...])
    }

    /// The value of a sample, such as `coupond_queue_entries{partition="3"}`.
    private func value(_ sample: String, _ port: Int) throws -> Double? {
        try metrics(port).split(separator: "\n").first { $0.hasPrefix(sample + " ") }
            .flatMap { Double($0.dropFirst(sample.count + 1)) }
    }

    /// promtool finds no fault, each metric has one family, and these are among them.
    private func expectNoFault(
        _ world: World, port: Int, with names: [String] = []
    ) async throws {
        let text = try metrics(port)
        let file = try world.folder.write(text, to: "metrics")
        let run = try await CommandRun("/bin/sh", ["-c", "promtool check metrics < '\(file)'"])
        #expect(run.end == .code(0) && run.text.isEmpty, "\(run.text)")
        let types = text.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }
        #expect(Set(types).count == types.count)
        for name in names { #expect(types.contains { $0.contains(" \(name) ") }, "\(name)") }
    }

    /// A coupon of 5, wanted by 8 users who wait for it.
    private func sell(_ daemon: Daemon) async throws {
        _ = try await daemon.client.create(.offer(1, total: 5))
        for user in 1...8 as ClosedRange<Int64> {
            _ = try await daemon.ask(CouponID(1), user, waitFor: .issued)
        }
        _ = try await daemon.client.coupon(CouponID(1))
    }

    @Test func `promtool finds no fault in the metrics`() async throws {
        let stage = try await LimitStage()
        try await sell(stage.daemon)
        try await expectNoFault(stage.world, port: stage.metricsPort)
        #expect(try await stage.daemon.stop() == .code(0))
    }

    @Test func `promtool finds no fault in the TLS metrics`() async throws {
        let world = try await World()
        let certificates = try await Certificates(in: world.folder)
        let server = try await certificates.make("server")
        let port = Int(try freePort())
        let daemon = try Daemon(
            world, server.flags + ["--metrics-listen", "127.0.0.1:\(port)"],
            tls: certificates.client())
        try await daemon.ready()
        try await sell(daemon)
        // A handshake that fails.
        let plain = try PlainSocket(port: daemon.port)
        try plain.send(Array("no handshake\r\n".utf8))
        try await eventually("the handshake has failed") {
            let name = "coupond_tls_handshake_failures_total{cause=\"protocol\"}"
            return try value(name, port) == 1
        }
        try await expectNoFault(
            world, port: port,
            with: [
                "coupond_tls_certificate_expiry_seconds", "coupond_tls_handshake_failures_total",
            ])
        #expect(try await daemon.stop() == .code(0))
    }

    private static let topology = [
        "coupond_topology_readable", "coupond_topology_epoch", "coupond_node_term",
        "coupond_node_partitions",
    ]

    @Test func `promtool finds no fault in the metrics of a cluster`() async throws {
        let cluster = try await RedisCluster()
        let world = try await World(
            postgres: try await PostgresServer(), cluster: cluster)
        let port = Int(try freePort())
        let daemon = try await world.daemon(["--metrics-listen", "127.0.0.1:\(port)"])
        try await sell(daemon)
        try await expectNoFault(world, port: port, with: Self.topology)
        #expect(try value("coupond_topology_readable", port) == 1)
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `promtool finds no fault in the metrics with Sentinel`() async throws {
        let sentinels = try await RedisSentinels(replicas: 1, sentinels: 1)
        let world = try await World()
        let port = Int(try freePort())
        let daemon = try Daemon(
            world, ["--metrics-listen", "127.0.0.1:\(port)"], redis: sentinels.setting)
        try await daemon.ready()
        try await sell(daemon)
        try await expectNoFault(world, port: port, with: Self.topology)
        _ = try await sentinels.sentinels[0].terminate()
        try await eventually("the topology cannot be read") {
            try value("coupond_topology_readable", port) == 0
        }
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `a queue has its length and its age, which rises until it is issued`()
        async throws
    {
        let stage = try await LimitStage()
        let (world, port) = (stage.world, stage.metricsPort)
        // In partition 3 of 16.
        _ = try await stage.daemon.client.create(.offer(3, total: 5))
        let coupon = CouponID(3)
        #expect(try await stage.daemon.win(coupon, 1) == 1)
        let (length, age) = (
            "coupond_queue_entries{partition=\"3\"}", "coupond_queue_age_seconds{partition=\"3\"}"
        )
        let lock = try await world.lock(coupon)
        for user in 2...3 as ClosedRange<Int64> { _ = try await stage.daemon.ask(coupon, user) }
        try await eventually("two entries wait") { try value(length, port) == 2 }
        let first = try #require(try value(age, port))
        #expect(first > 0)
        try await eventually("the age rises") { try (value(age, port) ?? 0) > first + 0.5 }
        try await lock.release()
        try await eventually("the queue is empty") {
            try value(length, port) == 0 && value(age, port) == 0
        }
        #expect(try await stage.daemon.stop() == .code(0))
    }
}
