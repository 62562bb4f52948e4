/// Finished coupons: their holders are not loaded, or leave Redis.
internal import CouponClient
internal import CouponCore
internal import CouponWire
internal import NIOCore
internal import TestWorld

extension Case {
    /// Users ask for old, closed coupons.
    static let closedCoupons = Case(
        "closed-coupons",
        goals: [
            .count("bytes_per_holder", .atMost(10), "B"), .count("keys", .recorded),
            .seconds("asked", atMost: 60),
        ]
    ) { scene, figures in
        let (small, rows, big) = (scene.size(1_000), 1_000, scene.size(3_000_000))
        try await scene.install()
        try await scene.makeManyCoupons(small, isClosed: true)
        try await scene.makeRows(rows, of: "id >= \(Coupons.many(0).rawValue) AND state = 3")
        try await scene.makeRows(big, of: Coupons.main)
        try await scene.sql(
            "UPDATE coupond.coupon SET state = 3 WHERE id = \(Coupons.main.rawValue)")
        try scene.startDaemons()
        try await scene.ready()
        let (memory, keys) = (try await scene.dataMemory(), try await scene.keyCount())
        let watch = Stopwatch()
        for coupon in (0..<small).map(Coupons.many) + [Coupons.main] {
            try await scene.first.expectClosed(coupon)
        }
        figures["asked"] = watch.seconds
        // A load that has begun in the background would show by then.
        try await Task.sleep(for: .seconds(scene.isSmall ? 1 : 3))
        let growth = try await scene.dataMemory() - memory
        figures["bytes_per_holder"] = growth / Double(small * rows + big)
        figures["keys"] = Double(try await scene.keyCount() - keys)
    }

    /// A finished sale leaves Redis without delaying others.
    static let expiry = endOfSale("expiry", of: 5_000_000)

    /// A tenth of these holders once kept Redis busy for half a second.
    static let hugeExpiry = endOfSale("expiry-10m", of: 10_000_000, isOnlyFull: true)

    private static func endOfSale(
        _ name: String, of size: Int, isOnlyFull: Bool = false
    ) -> Case {
        Case(
            name, isOnlyFull: isOnlyFull,
            goals: [
                .time("stall", .atMost(20), "ms"), .time("stall_before", .recorded, "ms"),
                .time("redis_longest", .recorded, "ms"),
                .seconds("left", atMost: 60), .count("kept_bytes_per_holder", .atMost(10), "B"),
            ]
        ) { scene, figures in try await scene.endSale(of: size, &figures) }
    }
}

extension Scene {
    fileprivate func endSale(of full: Int, _ figures: inout Figures) async throws {
        let count = size(full)
        let retention = isSmall ? 3 : 5
        try await install()
        try await makeRows(count, of: Coupons.main)
        try await sql(
            """
            UPDATE coupond.coupon SET total = \(count + 2)
            WHERE id = \(Coupons.main.rawValue)
            """)
        try startDaemons(["--finished-retention", "\(retention)s"])
        try await ready()
        try await warmUp()
        let before = try await usedMemory()
        // The retention begins with the sale of the last unit: by then nothing must be loading.
        try await load(holders: count + 1, atMost: 240)
        let prober = try Prober(first, Coupons.elsewhere[0])
        log("measures without a sale that ends")
        try await Task.sleep(for: .seconds(isSmall ? 1 : 10))
        figures["stall_before"] = try prober.resetLongest()
        try await watchCommands()
        log("sells the last of \(count + 2) units")
        let isSold = try await first.client.obtain(
            Coupons.main, .newUser(), .issued, timeout: .seconds(120))
        guard isSold else { throw Failed("the last unit is not sold") }
        let watch = Stopwatch()
        try await Task.sleep(for: .seconds(retention - 2))
        guard try await holders(of: Coupons.main) == count + 2 else {
            throw Failed("the holders are not in Redis")
        }
        try await wait(for: "the holders have left Redis", atMost: 90) {
            // The probes' holders stay.
            let probes = Double(prober.count) * Scene.bytesPerHolder
            let kept = (try await usedMemory() - before - probes) / Double(count)
            figures["kept_bytes_per_holder"] = kept
            return kept <= 10
        }
        figures["left"] = watch.seconds
        figures["stall"] = try await prober.stop()
        figures["redis_longest"] = try await longestCommand()
    }
}

extension Coupond {
    /// Asks until the answer is CLOSED.
    fileprivate func expectClosed(_ coupon: CouponID) async throws {
        let request = IssueRequest(coupon: coupon, user: .newUser(), requestID: .random())
        for _ in 1...20 {
            do throws(ClientError) {
                guard try await client.issue(request, deadline: .seconds(60)) == .closed else {
                    break
                }
                return
            } catch {
                try await Task.sleep(for: .milliseconds(50))
            }
        }
        throw Failed("coupon \(coupon.rawValue) is not CLOSED")
    }
}
