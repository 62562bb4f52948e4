/// Sentinels, and nodes of a cluster, that speak TLS only and ask for the daemon's certificate; and a cluster
/// behind a network that translates its addresses.
import CouponClient
import CouponCore
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.killing), .timeLimit(.minutes(4))) struct TopologyTLSTests {
    private func tls(_ certificates: BackendCertificates) -> [String] {
        [
            "--redis-tls", "--redis-tls-ca", certificates.authority,
            "--redis-tls-certificate", certificates.client.certificate,
            "--redis-tls-key", certificates.client.key,
        ]
    }

    private func cluster(
        _ settings: [String] = [], certificates: BackendCertificates? = nil
    ) async throws -> World {
        // By default the bus uses a port 10,000 higher, which may not exist.
        let bus = try freePort()
        let world = try await World(
            redis: ["--cluster-enabled", "yes", "--cluster-port", String(bus)] + settings,
            certificates: certificates)
        try await world.redis.cli("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        try await eventually("the cluster is up") {
            try await world.redis.cli("CLUSTER", "INFO").contains("cluster_state:ok")
        }
        return world
    }

    @Test func `a daemon follows sentinels through TLS to the promoted replica`() async throws {
        let certificates = try await BackendCertificates()
        let sentinels = try await RedisSentinels(certificates: certificates)
        let world = try await World()
        let daemon = try Daemon(world, tls(certificates), redis: sentinels.setting)
        try await daemon.ready()
        let coupon = try await daemon.offer(total: 100)
        for user in 1...5 { try await daemon.win(coupon, Int64(user)) }
        let old = sentinels.servers[0]
        try await old.kill()
        try await eventually("a replica is promoted", within: .seconds(60)) {
            guard let master = try await sentinels.master() else { return false }
            return master !== old
        }
        for user in 6...10 { try await daemon.winSoon(coupon, Int64(user)) }
        for user in 1...10 { #expect(try await daemon.holds(coupon, Int64(user))) }
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `a node of a cluster is reached through TLS`() async throws {
        let certificates = try await BackendCertificates()
        let world = try await cluster(certificates: certificates)
        let setting = "cluster:127.0.0.1:\(world.redis.port)"
        let daemon = try Daemon(world, tls(certificates), redis: setting)
        try await daemon.ready()
        for _ in 1...3 {
            let coupon = try await daemon.offer(total: 2)
            #expect(try await daemon.win(coupon, 1) == 1)
            #expect(try await daemon.ask(coupon, 2, waitFor: .issued).isIssued)
            #expect(try await daemon.ask(coupon, 3) == .soldOut)
        }
        #expect(try await daemon.client.topology().kind == .cluster)
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `the address map leads to a node that announces another address`() async throws {
        // An address of documentation: nothing is there.
        let announced = "192.0.2.1:7000"
        let world = try await cluster([
            "--cluster-announce-ip", "192.0.2.1", "--cluster-announce-port", "7000",
        ])
        let here = "127.0.0.1:\(world.redis.port)"
        let password = try world.folder.write(LeastRights.redisPassword + "\n", to: "password")
        let check = try await CommandRun(
            builtExecutable("coupond"),
            [
                "--check-config=connect", "--redis", "cluster:\(here)",
                "--redis-user", LeastRights.redisUser, "--redis-password-file", password,
                "--postgres", world.daemonDatabase,
            ])
        #expect(check.end != .code(0), "\(check.text)")

        let daemon = try Daemon(
            world, ["--redis-address-map", "\(announced)=\(here)"], redis: "cluster:\(here)")
        try await daemon.ready()
        let coupon = try await daemon.offer(total: 2)
        #expect(try await daemon.win(coupon, 1) == 1)
        #expect(try await daemon.ask(coupon, 2, waitFor: .issued).isIssued)
        #expect(try await daemon.client.topology().nodes.map(\.address) == [here])
        #expect(try await daemon.stop() == .code(0))
    }
}

extension Outcome {
    fileprivate var isIssued: Bool { if case .issued = self { true } else { false } }
}
