/// `coupond --check-config=connect`: what a start would refuse.
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(3))) struct ServerCheckTests {
    @Test func `servers are asked, and nothing is changed`() async throws {
        let world = try await World()
        let password = try world.folder.write(LeastRights.redisPassword + "\n", to: "password")
        func check(_ flags: [String] = [], word: String = "=connect") async throws -> CommandRun {
            try await CommandRun(
                builtExecutable("coupond"),
                [
                    "--check-config" + word, "--redis", "unix:\(world.redis.socket)",
                    "--redis-user", LeastRights.redisUser, "--redis-password-file", password,
                    "--postgres", world.daemonDatabase,
                ] + flags)
        }
        let daemon = try await world.daemon()
        #expect(try await daemon.stop() == .code(0))
        let good = try await check()
        #expect(good.end == .code(0), "\(good.text)")
        #expect(good.text.hasSuffix("postgres: the schema is up to date"), "\(good.text)")
        let other = try await check(["--partitions", "7"])
        #expect(other.end == .code(78))
        #expect(other.text.contains("the configuration says 7"), "\(other.text)")
        try await world.redis.kill()
        let away = try await check()
        #expect(away.end == .code(69), "\(away.text)")
        // PostgreSQL is asked even if Redis is away.
        #expect(try await check(["--partitions", "7"]).end == .code(78))
        // Without servers only the settings are checked.
        #expect(try await check(word: "").end == .code(0))
        #expect(try await check(word: "=disconnect").end == .code(64))
    }

    @Test func `in a cluster, the node that is unsafe or does not answer is named`() async throws {
        let cluster = try await RedisCluster()
        let world = try await World(postgres: PostgresServer.shared(), cluster: cluster)
        let password = try world.folder.write(LeastRights.redisPassword + "\n", to: "password")
        func check() async throws -> CommandRun {
            try await CommandRun(
                builtExecutable("coupond"),
                [
                    "--check-config=connect",
                    "--redis", "cluster:" + cluster.seeds.joined(separator: ","),
                    "--redis-user", LeastRights.redisUser, "--redis-password-file", password,
                    "--postgres", world.daemonDatabase,
                ])
        }
        let daemon = try await world.daemon()
        #expect(try await daemon.stop() == .code(0))
        let good = try await check()
        #expect(good.end == .code(0) && !good.text.contains("no answer"), "\(good.text)")
        let (second, third) = (cluster.nodes[1], cluster.nodes[2])
        try await second.cli("CONFIG", "SET", "appendfsync", "everysec")
        let unsafe = try await check()
        #expect(unsafe.end == .code(78) && unsafe.text.contains("appendfsync"), "\(unsafe.text)")
        #expect(unsafe.text.contains("\(second.host):\(second.port)"), "\(unsafe.text)")
        try await second.cli("CONFIG", "SET", "appendfsync", "always")
        // The master's replica dies too, so nobody takes its place.
        for node in [cluster.nodes[5], third] { try await node.kill() }
        let away = try await check()
        #expect(away.end == .code(0), "\(away.text)")
        #expect(away.text.contains("no answer from \(third.host):\(third.port)"), "\(away.text)")
    }

    @Test func `an unsafe Redis, a missing right and a pending migration are found`() async throws {
        let world = try await World()
        let password = try world.folder.write(LeastRights.redisPassword + "\n", to: "password")
        func check(as role: String = LeastRights.role) async throws -> CommandRun {
            try await CommandRun(
                builtExecutable("coupond"),
                [
                    "--check-config=connect", "--redis", "unix:\(world.redis.socket)",
                    "--redis-user", LeastRights.redisUser, "--redis-password-file", password,
                    "--postgres", LeastRights.connection(world.database, as: role),
                ])
        }
        #expect(try await check().end == .code(0))
        try await world.redis.cli("CONFIG", "SET", "appendfsync", "everysec")
        let unsafe = try await check()
        #expect(unsafe.end == .code(78) && unsafe.text.contains("appendfsync"), "\(unsafe.text)")
        try await world.redis.cli("CONFIG", "SET", "appendfsync", "always")

        try world.sql("REVOKE INSERT ON coupond.coupon_issue FROM \(LeastRights.role)")
        let lacking = try await check()
        #expect(lacking.end == .code(78), "\(lacking.text)")
        #expect(lacking.text.contains("INSERT on coupond.coupon_issue"), "\(lacking.text)")
        try world.sql("GRANT INSERT ON coupond.coupon_issue TO \(LeastRights.role)")

        try world.sql(
            """
            DELETE FROM coupond.schema_version
            WHERE version = (SELECT max(version) FROM coupond.schema_version)
            """)
        let pending = try await check()
        #expect(pending.end == .code(78), "\(pending.text)")
        #expect(pending.text.contains("run `coupond migrate`"), "\(pending.text)")
        let owner = try await check(as: LeastRights.owner)
        #expect(owner.end == .code(0), "\(owner.text)")
        #expect(owner.text.contains("migrations that a start would run: 1"), "\(owner.text)")
    }
}
