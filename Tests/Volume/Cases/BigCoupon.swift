/// One coupon with millions of holders.
internal import CouponClient
internal import CouponCore
internal import CouponWire
internal import NIOCore
internal import TestSupport
internal import TestWorld

extension Case {
    /// The rebuild moves every holder. Other daemons must not begin a rebuild of their own.
    static let bigCoupon = lostCoupon("big-coupon", of: 3_000_000, open: 20, issued: 30)

    /// A tenth of these rows once stopped the rebuild.
    static let hugeCoupon = lostCoupon(
        "big-coupon-10m", of: 10_000_000, isOnlyFull: true, open: 60, issued: 90)

    private static func lostCoupon(
        _ name: String, of size: Int, isOnlyFull: Bool = false, open: Double, issued: Double
    ) -> Case {
        Case(
            name, daemons: [3], isOnlyFull: isOnlyFull,
            goals: [
                .seconds("open", atMost: open), .seconds("issued", atMost: issued), .epochs,
                .sessionsLost,
            ]
        ) { scene, figures in try await scene.loseCoupon(of: size, &figures) }
    }

    /// The first request after a loss loads the coupon, and does not wait for its holders. Neither do admins
    /// and small coupons.
    static let load = firstLoad("load", of: 3_000_000, whole: 45)

    /// A load of this size once took 15 to 35 s, and nobody was answered during it.
    static let hugeLoad = firstLoad("load-10m", of: 10_000_000, isOnlyFull: true, whole: 150)

    private static func firstLoad(
        _ name: String, of size: Int, isOnlyFull: Bool = false, whole: Double
    ) -> Case {
        Case(
            name, daemons: [1, 3], isOnlyFull: isOnlyFull,
            goals: [
                .seconds("accepted", atMost: 2), .seconds("whole", atMost: whole),
                .seconds("new_coupon", atMost: 1), .seconds("admin", atMost: 1),
                .seconds("status", atMost: 1),
                .time("others_p99_before", .recorded, "s"), .time("others_p99", .recorded, "s"),
                .time("others_p99_ratio", .atMost(2), "×"), .sessionsLost,
            ]
        ) { scene, figures in try await scene.askForCoupon(of: size, &figures) }
    }

    /// Three daemons are asked for the coupon at once: only one at a time loads it. Then they are killed
    /// during a load, three times: what they leave in Redis is bounded, and the next load completes it.
    static let cutLoads = Case(
        "cut-loads", daemons: [3],
        goals: [
            .count("peak_copies", .atMost(1.4)), .count("loaded_copies", .atLeast(0.9)),
            .count("left_copies", .atMost(1.4)), .count("cut_copies", .atLeast(0.4)),
            .count("staged_keys", .atMost(1)), .seconds("whole", atMost: 75),
        ]
    ) { scene, figures in
        let rows = scene.isSmall ? 100_000 : 3_000_000
        let copy = Double(rows) * Scene.bytesPerHolder
        try await scene.setUp { try await scene.makeRows(rows, of: Coupons.main) }
        let before = try await scene.usedMemory()
        figures["peak_copies"] = (try await scene.peakOfLoads() - before) / copy
        figures["loaded_copies"] = figures["peak_copies"]

        try await scene.stopDaemons()
        try await scene.world.redis.cli("FLUSHALL")
        // If nothing were removed or used again, three such parts would be more than one copy.
        var pause: Double?
        for _ in 1...3 { pause = try await scene.cutLoads(of: rows, after: pause) }
        figures["left_copies"] = (try await scene.usedMemory() - before) / copy
        figures["cut_copies"] = figures["left_copies"]
        figures["staged_keys"] = Double(try await scene.keys("coupond:*:staged").count)
        let watch = Stopwatch()
        try scene.startDaemon()
        try await scene.ready()
        let asked = scene.askAll()
        defer { asked.cancel() }
        try await scene.wait(for: "the coupon is loaded", atMost: 90, every: 10) {
            let used = try await scene.usedMemory()
            let isLoading = try await scene.isLoading()
            return used > before + copy * 0.9 && !isLoading
        }
        figures["whole"] = watch.seconds
    }

    /// Other coupons of its partition sell out again and again while it is loaded.
    static let sellOuts = Case(
        "sell-outs", daemons: [3],
        goals: [
            .seconds("accepted", atMost: 2), .seconds("loaded", atMost: 20),
            .time("sold_out", .atLeast(32), "a second"), .count("holders", .atLeast(1), "of all"),
        ]
    ) { scene, figures in
        let perSecond = 64
        let limit = 60
        let rows = scene.isSmall ? 30_000 : 1_000_000
        try await scene.setUp {
            try await scene.makeRows(rows, of: Coupons.main)
            try await scene.makeManyCoupons(perSecond * limit, total: 1)
        }
        let sales = Task { await scene.sell(perSecond * limit, perSecond: perSecond) }
        defer { sales.cancel() }
        try await scene.wait(for: "coupons are sold out", atMost: 30) {
            try await scene.soldOut() >= perSecond
        }
        let watch = Stopwatch()
        let before = try await scene.soldOut()
        try await scene.wait(for: "the big coupon accepts", atMost: limit, every: 10) {
            try await scene.first.accepts(Coupons.main)
        }
        figures["accepted"] = watch.seconds
        try await scene.waitUntilLoaded(holders: rows + 1, atMost: limit)
        figures["loaded"] = watch.seconds
        figures["holders"] = Double(try await scene.holders(of: Coupons.main)) / Double(rows)
        try await scene.wait(for: "sales have gone on", atMost: 30) {
            try await scene.soldOut() >= before + Int64(perSecond)
        }
        figures["sold_out"] = Double(try await scene.soldOut() - before) / watch.seconds
    }
}

extension Scene {
    /// The coupon's gate, records and holders are lost, and some requests are queued.
    fileprivate func loseCoupon(of full: Int, _ figures: inout Figures) async throws {
        let (rows, queued) = (size(full), size(10_000))
        try await install()
        try await makeRows(rows, of: Coupons.main)
        try startDaemons()
        try await ready()
        // Otherwise there are no records and holders to lose.
        try await load(holders: rows + 1, atMost: 120)
        try await waitForIssues(Coupons.main, rows + 1, atMost: 30)
        try await markEpochs()
        let entries = QueueEntries(
            count: 10, requestsPerEntry: queued / 10, firstUser: Int64(rows + 1),
            firstSequence: Int64(rows + 2), loses: .rest)
        try await fillQueue(entries)
        let watch = Stopwatch()
        try await waitUntilOpen(Coupons.main, atMost: 120)
        figures["open"] = watch.seconds
        try await waitForIssues(Coupons.main, rows + 1 + queued, atMost: 60)
        figures["issued"] = watch.seconds
    }

    /// The first requests, one at each daemon, load the coupon.
    fileprivate func askForCoupon(of full: Int, _ figures: inout Figures) async throws {
        let rows = size(full)
        try await install()
        try await makeRows(rows, of: Coupons.main)
        try startDaemons()
        try await ready()
        let before = try await trickleBefore(for: isSmall ? 1 : 10)
        try await measuringOthers(comparedWith: before, &figures) { figures in
            let whole = Stopwatch()
            async let seconds = secondsUntilAccepted(Coupons.main)
            // By then the load is running.
            try await Task.sleep(for: .milliseconds(isSmall ? 20 : 500))
            async let new = secondsUntilAccepted(Coupons.beside)
            figures["admin"] = try await secondsOfAdmins(Coupons.main)
            figures["status"] = try await secondsOfStatuses(Coupons.main)
            figures["new_coupon"] = try await new
            figures["accepted"] = try await seconds
            try await waitUntilLoaded(
                holders: rows + 1, atMost: 180, every: isSmall ? 10 : 250)
            figures["whole"] = whole.seconds
        }
    }

    /// How long the slowest of the daemons lets a user ask until the coupon is accepted.
    private func secondsUntilAccepted(_ coupon: CouponID) async throws -> Double {
        try await slowest { try await $0.secondsUntilAccepted(coupon) }
    }

    /// The same for an admin who reads a coupon.
    private func secondsOfAdmins(_ coupon: CouponID) async throws -> Double {
        try await slowest { daemon in
            let watch = Stopwatch()
            _ = try await daemon.client.coupon(coupon, deadline: .seconds(60))
            return watch.seconds
        }
    }

    /// The same for the status of a user who has it.
    private func secondsOfStatuses(_ coupon: CouponID) async throws -> Double {
        try await slowest { daemon in
            let watch = Stopwatch()
            _ = try await daemon.client.status(
                of: coupon, user: UserID(1), deadline: .seconds(60))
            return watch.seconds
        }
    }

    /// The highest figure of all daemons, which run `body` at the same time.
    private func slowest(
        _ body: @escaping @Sendable (Coupond) async throws -> Double
    ) async throws -> Double {
        try await withThrowingTaskGroup(of: Double.self) { group in
            for daemon in daemons { group.addTask { try await body(daemon) } }
            return try await group.reduce(0) { max($0, $1) }
        }
    }
}

extension Coupond {
    /// How long a user asks until the coupon is accepted.
    fileprivate func secondsUntilAccepted(_ coupon: CouponID) async throws -> Double {
        let (watch, client) = (Stopwatch(), anotherClient())
        guard await client.obtain(coupon, .newUser(), .accepted, timeout: .seconds(90)) else {
            throw Failed("coupon \(coupon.rawValue) accepted nobody within 90 s")
        }
        return watch.seconds
    }
}

extension Scene {
    /// One user asks each daemon for the big coupon.
    fileprivate func askAll() -> Task<Void, Never> {
        Task {
            await withTaskGroup(of: Void.self) { group in
                for daemon in daemons {
                    group.addTask {
                        _ = await daemon.client.obtain(
                            Coupons.main, .newUser(), .accepted, timeout: .seconds(60))
                    }
                }
            }
        }
    }

    /// Starts daemons that load the coupon, and kills them when six tenths of its holders are loaded, or
    /// after some seconds: holders of an earlier load may still be there, even all of them.
    /// - Returns: the seconds from the beginning of the load.
    fileprivate func cutLoads(of rows: Int, after pause: Double?) async throws -> Double {
        try startDaemons()
        try await ready()
        let before = try await claims()
        let asked = askAll()
        defer { asked.cancel() }
        try await wait(for: "a new load has begun", atMost: 60, every: 1) {
            let now = try await claims()
            if !now.isEmpty, now != before { return true }
            return try await holders(of: Coupons.main) >= rows
        }
        let watch = Stopwatch()
        if let pause {
            try await Task.sleep(for: .seconds(pause))
        } else {
            try await wait(for: "most holders are loaded", atMost: 60, every: 1) {
                try await holders(of: Coupons.main) >= rows * 6 / 10
            }
        }
        for daemon in daemons { try await daemon.kill() }
        return watch.seconds
    }

    /// The numbers of the loads that have claimed a coupon.
    private func claims() async throws -> String {
        try await world.redis.cli(
            "EVAL",
            """
            local loads = {}
            for i, key in ipairs(redis.call('KEYS', 'coupond:*:claim')) do
              loads[i] = redis.sha1hex(redis.call('GETRANGE', key, 0, 7))
            end
            return table.concat(loads, ' ')
            """, "0")
    }

    fileprivate func keys(_ pattern: String) async throws -> [Substring] {
        try await world.redis.cli("KEYS", pattern).split(whereSeparator: \.isNewline)
    }

    /// The most memory that Redis used until each daemon had its answer.
    fileprivate func peakOfLoads() async throws -> Double {
        let asked = askAll()
        let isDone = Latch()
        Task {
            await asked.value
            isDone.set()
        }
        var peak = 0.0
        try await wait(for: "it is loaded", atMost: 90, every: 10) {
            peak = max(peak, try await usedMemory())
            let isLoading = try await self.isLoading()
            return isDone.isSet && !isLoading
        }
        return peak
    }

    /// One user asks the last daemon for each of the many coupons.
    fileprivate func sell(_ count: Int, perSecond: Int) async {
        guard let daemon = daemons.last else { return }
        let beginning = ContinuousClock.now
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<count where !Task.isCancelled {
                let due = beginning + .seconds(Double(number) / Double(perSecond))
                try? await Task.sleep(until: due)
                group.addTask {
                    _ = await daemon.client.obtain(
                        Coupons.many(number), .newUser(), .accepted, timeout: .seconds(30))
                }
            }
        }
    }

    /// How many of the many coupons are sold out.
    fileprivate func soldOut() async throws -> Int64 {
        try await number(
            """
            SELECT count(*) FROM coupond.coupon
            WHERE id >= \(Coupons.many(0).rawValue) AND issued = total
            """)
    }
}
