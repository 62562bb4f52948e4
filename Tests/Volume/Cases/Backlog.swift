/// A queue of many entries with one request each, as it grows while PostgreSQL is away.
internal import CouponCore
internal import TestWorld

extension Case {
    /// The rebuild takes longer than PostgreSQL waits for a silent session.
    static let backlog = Case(
        "backlog", daemons: [1, 3],
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
        "millions", isOnlyFull: true,
        goals: [
            .seconds("open", atMost: 60), .seconds("issued", atMost: 180),
            .time("others_p99", .recorded, "s"), .time("others_p99_ratio", .atMost(3), "×"),
            .epochs, .sessionsLost,
        ]
    ) { scene, figures in
        let count = scene.size(4_000_000)
        try await scene.install()
        try scene.startDaemons()
        try await scene.ready()
        let before = try await scene.trickleElsewhere().run(for: 10)
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
}
