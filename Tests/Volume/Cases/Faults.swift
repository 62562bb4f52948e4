/// One partition's batches fail or are slow, while other partitions go on.
internal import CouponCore
internal import TestWorld

/// A trigger that fails or delays the statements of one coupon.
struct Trouble: Sendable {
    /// The trigger's `WHEN` compares the coupon with this column.
    fileprivate let column: String
    fileprivate let trigger: String
    fileprivate let action: String
    fileprivate var coupon = Coupons.main

    /// Once for each batch that has a request of the coupon.
    fileprivate static func eachBatch(_ action: String) -> Trouble {
        Trouble(
            column: "NEW.id", trigger: "BEFORE UPDATE ON coupond.coupon", action: action)
    }

    /// Once for each row.
    fileprivate static func eachRow(_ action: String) -> Trouble {
        Trouble(
            column: "NEW.coupon_id", trigger: "BEFORE INSERT ON coupond.coupon_issue",
            action: action)
    }

    /// PostgreSQL has no room on its disk for the batches of a coupon.
    static func noRoom(of coupon: CouponID = Coupons.main) -> Trouble {
        var trouble = eachBatch("RAISE EXCEPTION 'no room' USING ERRCODE = '53100'")
        trouble.coupon = coupon
        return trouble
    }
}

private let others: [Goal] = [
    .time("others_rate", .recorded, "issued/s"), .time("others_ratio", .atLeast(0.8), "×"),
    .seconds("issued", atMost: 30), .sessionsLost,
]

extension Case {
    /// PostgreSQL has no room on its disk, for this partition alone.
    static let refused = Case("refused", daemons: [1, 3], goals: others) { scene, figures in
        try await scene.play(.noRoom(), seconds: 8, &figures)
    }

    /// Each of its batches takes 0.3 s.
    static let slow = Case("slow", daemons: [1, 3], goals: others) { scene, figures in
        try await scene.play(.eachBatch("PERFORM pg_sleep(0.3)"), seconds: 8, &figures)
    }

    /// Each of its batches takes longer than a statement may.
    static let stuck = Case("stuck", daemons: [1, 3], goals: others) { scene, figures in
        try await scene.play(.eachBatch("PERFORM pg_sleep(6)"), seconds: 18, &figures)
    }

    /// A whole batch takes longer than a statement may, and a half or a quarter of it does not: smaller
    /// batches pass although the trouble lasts.
    static let slowBatch = Case(
        "slow-batch", goals: [.seconds("issued", atMost: 60), .sessionsLost]
    ) { scene, figures in
        let queued = scene.isSmall ? 64 : 5_000
        let pause = scene.isSmall ? 0.1 : 0.002
        try await scene.setUp()
        let lock = try await scene.world.lock(Coupons.main)
        try await Crowd(scene.daemons).fill(Coupons.main, queued)
        try await scene.begin(.eachRow("PERFORM pg_sleep(\(pause))"), holding: lock)
        let watch = Stopwatch()
        try await scene.waitForIssues(Coupons.main, queued, atMost: 90)
        figures["issued"] = watch.seconds
    }
}

extension Scene {
    /// Compares the others' rate with and without the trouble, and waits until all is issued after it.
    fileprivate func play(
        _ trouble: Trouble, seconds full: Double, _ figures: inout Figures
    ) async throws {
        let seconds = isSmall ? full / 8 : full
        try await install()
        try startDaemons()
        try await ready()
        try await warmUp()
        let crowd = Crowd(daemons)
        log("sends users to the other partitions for \(formatted(seconds)) s")
        let without = await crowd.rate(Coupons.elsewhere, seconds: seconds)
        try await begin(trouble)
        let queued = size(10_000)
        let feed = Task { await self.feed() }
        defer { feed.cancel() }
        try await crowd.fill(Coupons.main, queued)
        log("sends them again, during the trouble")
        let beside = await crowd.rate(Coupons.elsewhere, seconds: seconds)
        feed.cancel()
        let fed = await feed.value
        figures["others_rate"] = beside
        figures["others_ratio"] = beside / without
        try await end(trouble)
        let watch = Stopwatch()
        try await waitForIssues(Coupons.main, queued + fed, atMost: 60)
        figures["issued"] = watch.seconds
    }

    /// Sends users to the troubled coupon, so it always has a batch.
    /// - Returns: how many were accepted.
    private func feed() async -> Int {
        var fed = 0
        while !Task.isCancelled {
            for daemon in daemons where (try? await daemon.accepts(Coupons.main)) == true {
                fed += 1
            }
            try? await Task.sleep(for: .milliseconds(20))
        }
        return fed
    }

    /// - Parameter lock: released when the trouble has begun.
    func begin(_ trouble: Trouble, holding lock: HeldLock? = nil) async throws {
        try await sql(
            """
            CREATE FUNCTION public.trouble() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                \(trouble.action);
                RETURN NEW;
            END $$;
            CREATE TRIGGER trouble \(trouble.trigger) FOR EACH ROW
            WHEN (\(trouble.column) = \(trouble.coupon.rawValue))
            EXECUTE FUNCTION public.trouble()
            """)
        try await lock?.release()
    }

    /// Ends the trouble.
    func end(_ trouble: Trouble) async throws {
        try await sql("DROP TRIGGER trouble ON \(trouble.table)")
    }
}

extension Trouble {
    fileprivate var table: Substring { trigger.split(separator: " ").last ?? "" }
}
