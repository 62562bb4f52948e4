/// Many small coupons in one partition, and unreadable queue entries.
internal import CouponCore
internal import CouponWire
internal import TestSupport
internal import TestWorld

extension Case {
    /// Each has one request in the queue, and is loaded by the rebuild.
    static let manyCoupons = Case(
        "many-coupons", daemons: [1, 3],
        goals: [
            .seconds("open", atMost: 30), .seconds("issued", atMost: 60),
            .time("others_p99_before", .recorded, "s"), .time("others_p99", .recorded, "s"),
            .time("others_p99_ratio", .atMost(3), "×"),
            .epochs, .sessionsLost,
        ]
    ) { scene, figures in
        let count = scene.isSmall ? 300 : 100_000
        try await scene.setUp { try await scene.makeManyCoupons(count) }
        let before = try await scene.trickleBefore(for: scene.isSmall ? 1 : 10)
        // The lock keeps daemons from rebuilding while the queue is written.
        let lock = try await scene.lockPartition()
        try await scene.fillQueue(.ofMany(0..<count, loses: .rest))
        try await scene.markEpochs()
        try await scene.measuringOthers(comparedWith: before, &figures) { figures in
            let watch = Stopwatch()
            try await lock.release()
            try await scene.waitUntilOpen(atMost: 180)
            figures["open"] = watch.seconds
            try await scene.wait(for: "all are issued", atMost: 120) {
                try await scene.issuedOfMany() >= count
            }
            figures["issued"] = watch.seconds
        }
    }

    /// Many coupons in each transaction, 1,000 at most: settling them blocks Redis.
    static let wideBatch = Case(
        "wide-batch",
        goals: [
            .seconds("issued", atMost: 60), .time("stall", .atMost(50), "ms"),
            .time("redis_longest", .recorded, "ms"), .sessionsLost,
        ]
    ) { scene, figures in
        let count = scene.isSmall ? 150 : 50_000
        try await scene.setUp(["--max-batch", "50000"]) { try await scene.makeManyCoupons(count) }
        try await scene.warmUp()
        let prober = try Prober(scene.first, Coupons.elsewhere[0])
        try await scene.fillQueue(.ofMany(0..<count, loses: .gate))
        // Writing the state blocks Redis too.
        try await scene.watchCommands()
        _ = try prober.resetLongest()
        let watch = Stopwatch()
        try await scene.wait(for: "all are issued", atMost: 120) {
            try await scene.issuedOfMany() >= count
        }
        figures["issued"] = watch.seconds
        figures["stall"] = try await prober.stop()
        figures["redis_longest"] = try await scene.longestCommand()
    }

    /// A gate is rebuilt five times, each time with other coupons: the keys of earlier epochs are removed.
    static let oldEpochs = Case(
        "old-epochs", daemons: [1, 3],
        goals: [.count("generations", .atMost(1.2)), .seconds("took", atMost: 90), .sessionsLost]
    ) { scene, figures in
        let (rounds, perRound) = (5, scene.isSmall ? 100 : 20_000)
        try await scene.setUp { try await scene.makeManyCoupons(rounds * perRound) }
        let keys = try await scene.keyCount()
        let watch = Stopwatch()
        for round in 0..<rounds {
            let numbers = round * perRound..<(round + 1) * perRound
            try await scene.fillQueue(.ofMany(numbers, loses: .gate))
            try await scene.wait(for: "round \(round + 1) is issued", atMost: 90) {
                try await scene.issuedOfMany() >= numbers.upperBound
            }
        }
        figures["took"] = watch.seconds
        try await scene.wait(for: "only the keys of one epoch are left", atMost: 60) {
            let generations = Double(try await scene.keyCount() - keys) / Double(2 * perRound)
            figures["generations"] = generations
            return generations <= 1.2
        }
    }

    /// The users of a damaged entry are searched for among a million holders.
    static let damagedEntry = Case(
        "damaged-entry", daemons: [1, 3],
        goals: [
            .seconds("dead_letter", atMost: 20), .count("searched", .atLeast(0.9), "of all"),
            .time("others_p99_before", .recorded, "s"), .time("others_p99", .recorded, "s"),
            .time("others_p99_ratio", .atMost(3), "×"), .sessionsLost,
        ]
    ) { scene, figures in
        let (rows, seconds) = (scene.isSmall ? 20_000 : 1_000_000, scene.isSmall ? 1.0 : 10)
        try await scene.setUp { try await scene.makeRows(rows, of: Coupons.main) }
        try await scene.load(holders: rows + 1, atMost: 60)
        try await scene.load(Coupons.beside, holders: 1, atMost: 20)
        try await scene.waitForIssues(Coupons.beside, 1, atMost: 20)
        let before = try await scene.trickleBefore(for: seconds)
        // PostgreSQL has no room for this coupon, so its entries stay queued until one is damaged. The
        // scheduler is not blocked.
        let trouble = Trouble.noRoom(of: Coupons.beside)
        try await scene.begin(trouble)
        try await scene.queue(3, of: Coupons.beside)
        try await scene.measuringOthers(comparedWith: before, &figures) { figures in
            let watch = Stopwatch()
            let scans = try await scene.calls(of: "hscan")
            try await scene.damageLastButOne()
            try await scene.end(trouble)
            try await scene.wait(for: "it is a dead letter", atMost: 90, every: 50) {
                try await scene.number("SELECT count(*) FROM coupond.dead_letter") == 1
            }
            figures["dead_letter"] = watch.seconds
            let scanned = (try await scene.calls(of: "hscan") - scans) * Scene.holdersPerScan
            figures["searched"] = scanned / Double(rows)
            try await scene.waitForIssues(Coupons.beside, 3, atMost: 30)
            // The search takes a second or two: too few users for a 99th percentile.
            try await Task.sleep(for: .seconds(max(0, seconds - watch.seconds)))
        }
    }
}

extension QueueEntries {
    /// One request for each of these coupons.
    fileprivate static func ofMany(_ numbers: Range<Int>, loses: Loss = .nothing) -> QueueEntries {
        QueueEntries(
            coupon: Coupons.many(numbers.lowerBound), couponStep: Coupons.partitions,
            count: numbers.count, loses: loses)
    }
}

extension Scene {
    /// The number of issues of the many coupons together.
    fileprivate func issuedOfMany() async throws -> Int64 {
        try await number(
            """
            SELECT coalesce(sum(issued), 0)::bigint FROM coupond.coupon
            WHERE id >= \(Coupons.many(0).rawValue) AND id % \(Coupons.partitions) = 0
            """)
    }

    /// About so many holders are read by each HSCAN of a search.
    fileprivate static let holdersPerScan = 500.0

    /// Gets so many users accepted, one after the other.
    fileprivate func queue(_ count: Int, of coupon: CouponID) async throws {
        for _ in 0..<count {
            guard try await first.accepts(coupon) else {
                throw Failed("coupon \(coupon.rawValue) does not accept")
            }
        }
    }

    /// Rewrites the entries of the queue, the last but one with unreadable bytes.
    fileprivate func damageLastButOne() async throws {
        let answer = try await world.redis.cli(
            "EVAL",
            """
            local entries = redis.call('XRANGE', KEYS[1], '-', '+')
            redis.call('DEL', KEYS[1])
            for i, entry in ipairs(entries) do
              local bytes = i == #entries - 1 and 'rubbish' or entry[2][2]
              redis.call('XADD', KEYS[1], entry[1], 'e', bytes)
            end
            return #entries
            """, "1", "coupond:{0}:queue")
        guard answer == "3" else { throw Failed("the queue has not three entries: \(answer)") }
    }
}
