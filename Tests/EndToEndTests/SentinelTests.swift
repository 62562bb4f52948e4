/// Redis with Sentinel: the daemon follows the master.
import CouponClient
import CouponCore
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.killing), .timeLimit(.minutes(5))) struct SentinelTests {
    @Test func `after a failover the daemon issues at the promoted replica and stays there`()
        async throws
    {
        let sentinels = try await RedisSentinels()
        let world = try await World()
        // The first one that the daemon asks is dead.
        try await sentinels.sentinels[2].terminate()
        let setting =
            "sentinel:\(sentinels.name)@"
            + sentinels.addresses.reversed().joined(separator: ",")
        let daemon = try Daemon(world, redis: setting)
        try await daemon.ready()
        let coupon = try await daemon.offer(total: 1_000)
        for user in 1...10 { try await daemon.win(coupon, Int64(user)) }

        let old = sentinels.servers[0]
        let before = try await daemon.client.topology()
        #expect(before.kind == .sentinel && before.nodes.count == 1)
        #expect(before.nodes[0].address == "\(old.host):\(old.port)")
        #expect(before.nodes[0].partitions.count == 16)
        old.freeze()
        try await eventually("a replica is promoted", within: .seconds(60)) {
            guard let master = try await sentinels.master() else { return false }
            return master !== old
        }
        for user in 11...20 { try await daemon.winSoon(coupon, Int64(user)) }
        #expect(try await daemon.client.audit(coupon).place.epoch > 1)
        // On a busy machine the sentinels may fail over twice.
        try await eventually("all gates are rebuilt at the new master, in its term") {
            let after = try await daemon.client.topology().nodes[0]
            let terms = try world.sql("SELECT DISTINCT redis_term FROM coupond.partition")
            return after.address != before.nodes[0].address && after.term > before.nodes[0].term
                && terms == "\(after.term)"
        }

        // The old master accepts writes until a sentinel tells it that it is a replica.
        old.thaw()
        for user in 21...60 { try await daemon.winSoon(coupon, Int64(user)) }
        try await eventually("the old master is a replica", within: .seconds(60)) {
            try await old.cli("ROLE").hasPrefix("slave")
        }
        for user in 61...80 { try await daemon.winSoon(coupon, Int64(user)) }
        #expect(!(try await old.cli("CLIENT", "LIST")).contains("user=coupond"))
        for user in 1...80 { #expect(try await daemon.holds(coupon, Int64(user))) }
        #expect(try world.issued == 80)
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `mistakes with Sentinel are found before the start`() async throws {
        let sentinels = try await RedisSentinels(replicas: 1, sentinels: 1)
        let world = try await World()
        let password = try world.folder.write(LeastRights.redisPassword + "\n", to: "password")
        func check(_ redis: String) async throws -> CommandRun {
            try await CommandRun(
                builtExecutable("coupond"),
                [
                    "--check-config=connect", "--redis", redis,
                    "--redis-user", LeastRights.redisUser, "--redis-password-file", password,
                    "--postgres", world.daemonDatabase,
                ])
        }
        let good = try await check(sentinels.setting)
        #expect(good.end == .code(0), "\(good.text)")
        let master = sentinels.servers[0]
        let sentence =
            "redis: Sentinel names \(master.host):\(master.port) with term 0 as the master"
        #expect(good.text.contains(sentence), "\(good.text)")

        let address = sentinels.addresses[0]
        let unknown = try await check("sentinel:other@\(address)")
        #expect(unknown.end == .code(69))
        #expect(
            unknown.text.contains("\(address) watches no master with the name other"),
            "\(unknown.text)")
        let redis = try await check("sentinel:sale@\(master.host):\(master.port)")
        #expect(redis.text.contains("is not a sentinel"), "\(redis.text)")
        try await master.cli("CONFIG", "SET", "min-replicas-to-write", "0")
        let unsafe = try await check(sentinels.setting)
        #expect(unsafe.end == .code(78))
        #expect(unsafe.text.contains("min-replicas-to-write is 0"), "\(unsafe.text)")
    }
}
