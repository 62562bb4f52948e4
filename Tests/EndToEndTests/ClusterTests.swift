/// Redis Cluster: a script may only use keys of one hash slot.
import CouponClient
import CouponCore
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(3))) struct ClusterTests {
    @Test func `a sale works on a cluster, and every key has its partition's hash tag`()
        async throws
    {
        // By default the bus uses a port 10,000 higher, which may not exist.
        let bus = try freePort()
        let world = try await World(
            redis: ["--cluster-enabled", "yes", "--cluster-port", String(bus)])
        try await world.redis.cli("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        try await eventually("the cluster is up") {
            try await world.redis.cli("CLUSTER", "INFO").contains("cluster_state:ok")
        }
        let (one, other) = (try await world.daemon(), try await world.daemon())
        for _ in 1...5 {
            let coupon = try await one.offer(total: 2)
            #expect(try await one.win(coupon, 1) == 1)
            #expect(try await other.win(coupon, 2) == 2)
            #expect(try await other.ask(coupon, 3) == .soldOut)
            let raised = try await one.client.update(coupon, .init(total: 3))
            #expect(raised.total == 3)
            try await other.winSoon(coupon, 3)
        }
        let keys = try await world.redis.cli("--scan").split(separator: "\n")
        #expect(keys.count > 16)
        for key in keys { #expect(key.wholeMatch(of: /coupond:\{\d+\}:.+/) != nil, "\(key)") }
        let commands = try await world.redis.cli("INFO", "commandstats")
        let reads = try #require(commands.firstMatch(of: /cmdstat_xread:.+/))
        #expect(
            reads.output.contains("rejected_calls=0,failed_calls=0"),
            "one read of several slots is refused: \(reads.output)")
        try await expectNoNewConnections(world)
        #expect(try await one.stop() == .code(0))
        #expect(try await other.stop() == .code(0))
    }

    /// At rest nothing connects to Redis again.
    private func expectNoNewConnections(_ world: World) async throws {
        func count(_ name: String) async throws -> Int {
            let info = try await world.redis.cli("INFO", "everything")
            let words = info.split(whereSeparator: { $0.isNewline || ":=,".contains($0) })
            let place = try #require(words.firstIndex { $0 == name })
            return try #require(Int(words[place + (name.hasPrefix("cmdstat") ? 2 : 1)]))
        }
        let before = try await count("total_connections_received")
        let scripts = try await count("cmdstat_evalsha")
        var looks = 0
        try await eventually("both daemons have sent many heartbeats") {
            looks += 1
            return try await count("cmdstat_evalsha") > scripts + 200
        }
        // Each look is a connection of redis-cli, and so are two more. A lane may use Redis for the first
        // time.
        let after = try await count("total_connections_received")
        #expect(after - before <= looks + 2 + 4)
    }
}
