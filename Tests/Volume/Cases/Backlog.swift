/// A queue of many entries with one request each, as it grows while PostgreSQL is away.
internal import CouponCore
internal import TestSupport
internal import TestWorld

extension Case {
    /// The rebuild takes longer than PostgreSQL waits for a silent session.
    static let backlog = Case(
        "backlog", daemons: [1, 3], isOfSeveral: true,
        goals: [
            .seconds("open", atMost: 10), .seconds("issued", atMost: 30), .epochs, .sessionsLost,
        ]
    ) { scene, figures in
        let count = scene.size(600_000)
        try await scene.install()
        try await scene.fillQueue(QueueEntries(count: count))
        try await scene.markEpochs()
        let watch = Stopwatch()
        try scene.startDaemons()
        try await scene.waitUntilOpen(atMost: 60)
        figures["open"] = watch.seconds
        try await scene.waitForIssues(Coupons.main, count, atMost: 90)
        figures["issued"] = watch.seconds
    }

    /// Nearly as many requests as a partition may have queued, while the daemon's other partitions are in
    /// use.
    static let millions = Case(
        "millions", daemons: [1, 3], isOnlyFull: true,
        goals: [
            .seconds("open", atMost: 60), .seconds("issued", atMost: 180),
            .time("others_p99_before", .recorded, "s"), .time("others_p99", .recorded, "s"),
            .time("others_p99_ratio", .atMost(3), "×"),
            .epochs, .sessionsLost,
        ]
    ) { scene, figures in
        let count = scene.size(4_000_000)
        try await scene.setUp()
        let before = try await scene.trickleBefore(for: 10)
        // The lock keeps daemons from rebuilding while the queue is written.
        let lock = try await scene.lockPartition()
        try await scene.fillQueue(QueueEntries(count: count, loses: .rest))
        try await scene.markEpochs()
        try await scene.measuringOthers(comparedWith: before, &figures) { figures in
            let watch = Stopwatch()
            try await lock.release()
            try await scene.waitUntilOpen(atMost: 120)
            figures["open"] = watch.seconds
            try await scene.waitForIssues(Coupons.main, count, atMost: 240)
            figures["issued"] = watch.seconds
        }
    }

    /// Another program has added one entry to a long queue, with the largest epoch of all: the rebuild copies
    /// the queue, while Redis serves the other partitions.
    static let foreignEntry = Case(
        "foreign-entry", daemons: [1, 3],
        goals: [
            .seconds("open", atMost: 15), .seconds("issued", atMost: 35),
            .time("stall", .atMost(50), "ms"), .count("removed", .atLeast(1)), .epochs,
            .sessionsLost,
        ]
    ) { scene, figures in
        let count = scene.size(600_000)
        try await scene.setUp()
        try await scene.warmUp()
        let prober = try Prober(scene.first, Coupons.elsewhere[0])
        // The lock keeps daemons from rebuilding while the queue is written.
        let lock = try await scene.lockPartition()
        try await scene.fillQueue(QueueEntries(count: count, loses: .rest))
        try await scene.world.redis.cli(
            "XADD", "coupond:{0}:queue", "18446744073709551615-1", "e", "of another program")
        try await scene.markEpochs()
        // Writing the state blocks Redis too.
        _ = try prober.resetLongest()
        let watch = Stopwatch()
        try await lock.release()
        try await scene.waitUntilOpen(atMost: 60)
        figures["open"] = watch.seconds
        try await scene.waitForIssues(Coupons.main, count, atMost: 90)
        figures["issued"] = watch.seconds
        figures["stall"] = try await prober.stop()
        figures["removed"] = scene.logged("queue entries of another program were removed")
    }
}
