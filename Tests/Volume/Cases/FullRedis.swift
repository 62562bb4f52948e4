/// A Redis that is full, or that has many keys of another program.
internal import CouponCore
internal import TestSupport
internal import TestWorld

extension Case {
    /// Another program's keys do not slow a daemon down.
    static let foreignKeys = keysOfOthers("foreign-keys", of: 4_000_000)

    /// A tenth of these keys once ended the session again and again.
    static let manyForeignKeys = keysOfOthers("foreign-keys-21m", of: 21_000_000, isOnlyFull: true)

    private static func keysOfOthers(
        _ name: String, of count: Int, isOnlyFull: Bool = false
    ) -> Case {
        Case(
            name, daemons: [1, 3], isOnlyFull: isOnlyFull,
            goals: [
                .time("p99_before", .recorded, "s"), .time("p99", .recorded, "s"),
                .time("p99_ratio", .atMost(1.5), "×"), .sessionsLost,
            ]
        ) { scene, figures in
            let seconds = scene.isSmall ? 1.0 : 20
            try await scene.install()
            // The first second after the first start is no base: the servers are cold.
            _ = try await scene.start(thenTricklingFor: 1)
            try await scene.stopDaemons()
            let without = try await scene.start(thenTricklingFor: seconds)
            try await scene.stopDaemons()
            try await scene.makeForeignKeys(scene.size(count))
            let with = try await scene.start(thenTricklingFor: seconds)
            figures["p99_before"] = without.percentile(99)
            figures["p99"] = with.percentile(99)
            figures["p99_ratio"] = with.percentile(99, over: without)
        }
    }

    /// Redis has room for little more, and its gates must be rebuilt.
    static let fullRedis = Case(
        "full-redis", daemons: [1, 3],
        goals: [
            .seconds("open", atMost: 10), .seconds("issued", atMost: 20),
            .seconds("others_accept", atMost: 20), .count("epochs", .atMost(2)), .sessionsLost,
        ]
    ) { scene, figures in
        let share = scene.isSmall ? 10 : 1
        let (rows, queued) = (300_000 / share, 100_000 / share)
        try await scene.setUp { try await scene.makeRows(rows, of: Coupons.main) }
        try await scene.warmUp()
        try await scene.load(holders: rows + 1, atMost: 60)
        try await scene.waitForIssues(Coupons.main, rows + 1, atMost: 30)
        try await scene.markEpochs()
        let lock = try await scene.world.lock(Coupons.main)
        scene.log("gets \(queued) users accepted")
        try await Crowd(scene.daemons).fill(Coupons.main, queued)
        let limit = Int(try await scene.usedMemory()) + 5_000_000 / share
        let redis = scene.world.redis
        try await redis.cli("CONFIG", "SET", "maxmemory", "\(limit)")
        // No server is at that port: Redis keeps its data, and has another replication id afterwards.
        try await redis.cli("REPLICAOF", "127.0.0.1", "1")
        try await redis.cli("REPLICAOF", "NO", "ONE")
        let watch = Stopwatch()
        try await lock.release()
        try await scene.waitUntilOpen(Coupons.main, atMost: 60)
        figures["open"] = watch.seconds
        try await scene.waitForIssues(Coupons.main, rows + 1 + queued, atMost: 60)
        figures["issued"] = watch.seconds
        try await scene.wait(for: "other partitions accept", atMost: 30) {
            for coupon in Coupons.elsewhere {
                for daemon in scene.daemons where try await !daemon.accepts(coupon) {
                    return false
                }
            }
            return true
        }
        figures["others_accept"] = watch.seconds
    }
}

extension Scene {
    /// Starts the daemons, and sends users as soon as the gates are open.
    fileprivate func start(thenTricklingFor seconds: Double) async throws -> Latencies {
        try startDaemons()
        try await ready()
        let trickle = try await trickleElsewhere()
        log("sends users for \(formatted(seconds)) s")
        let latencies = await trickle.run(for: seconds)
        try latencies.check()
        return latencies
    }

    fileprivate func makeForeignKeys(_ count: Int) async throws {
        log("puts \(count) foreign keys into Redis")
        let script = """
            for i = tonumber(ARGV[1]), tonumber(ARGV[2]) do
              redis.call('SET', 'session:' .. i, 'somebody else')
            end
            """
        for first in stride(from: 1, through: count, by: 200_000) {
            let last = min(count, first + 199_999)
            try await world.redis.cli("EVAL", script, "0", "\(first)", "\(last)")
        }
        guard try await keyCount() >= count else { throw Failed("the keys are not there") }
    }
}
