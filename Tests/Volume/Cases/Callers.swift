/// Many callers, and callers that ask for much.
internal import CouponClient
internal import CouponCore
internal import CouponWire
internal import TestSupport
internal import TestWorld

extension Case {
    /// Connections take nearly every descriptor, more callers wait for one, and both servers go away and come
    /// back.
    static let descriptors = Case(
        "descriptors",
        goals: [
            .count("admitted", .atLeast(0.75), "of all"), .count("stayed", .atLeast(1), "of them"),
            .seconds("recovered", atMost: 15),
        ]
    ) { scene, figures in
        let callers = scene.isSmall ? 1_000 : 2_000
        try await scene.install()
        let daemon = try scene.startDaemon(descriptors: callers + 50)
        try await scene.ready()
        try await scene.warmUp()
        scene.log("\(callers) callers connect, and 100 more")
        let sockets = (0..<callers + 100).compactMap { _ in try? PlainSocket(port: daemon.port) }
        // Callers that are not served by then wait for a descriptor until the end of the case.
        defer { withExtendedLifetime(sockets) {} }
        let limit = scene.isSmall ? 2.0 : 5
        let admitted = try await onOwnThread { sockets.answered(within: limit) }
        figures["admitted"] = Double(admitted.count) / Double(callers)

        scene.log("Redis and PostgreSQL are away for 3 s")
        try await scene.world.redis.stop()
        try await scene.world.postgres.stop()
        // During these 3 s the daemon's descriptors for the servers are free, and callers wait for them.
        try await Task.sleep(for: .seconds(3))
        try await scene.world.redis.restart()
        try await scene.world.postgres.start()
        let watch = Stopwatch()
        try await scene.wait(for: "each partition issues again", atMost: 60, every: 50) {
            for coupon in [Coupons.main] + Coupons.elsewhere {
                let isIssued = await daemon.client.obtain(
                    coupon, .newUser(), .issued, timeout: .seconds(1))
                guard isIssued else { return false }
            }
            return true
        }
        figures["recovered"] = watch.seconds
        let stayed = try await onOwnThread { admitted.answered(within: 5).count }
        figures["stayed"] = Double(stayed) / Double(max(1, admitted.count))
    }

    /// Admins ask for an audit and a list of a long history.
    static let history = Case(
        "history",
        goals: [
            .seconds("audit", atMost: 10), .count("rows", .atLeast(1), "of all"),
            .seconds("letters", atMost: 1), .sessionsLost,
        ]
    ) { scene, figures in
        let (rows, letters) = (scene.size(2_000_000), scene.size(1_000_000))
        try await scene.setUp {
            try await scene.makeRows(rows, of: Coupons.main)
            try await scene.makeLetters(letters, of: Coupons.beside)
            try await scene.makeLetters(1, of: Coupons.main)
        }
        let daemon = try scene.first
        // Attempts that fail count too.
        let watch = Stopwatch()
        try await scene.wait(for: "dead letters are listed", atMost: 60, every: 10) {
            try await daemon.client.deadLetters(of: Coupons.main).count == 1
        }
        figures["letters"] = watch.seconds
        let audited = Stopwatch()
        try await scene.wait(for: "the coupon is audited", atMost: 60, every: 10) {
            let audit = try await daemon.client.audit(Coupons.main)
            figures["rows"] = Double(audit.accounts.rows?.count ?? 0) / Double(rows)
            return audit.accounts.rows?.count == Int64(rows)
        }
        figures["audit"] = audited.seconds
    }

    /// A few callers ask for statuses as fast as allowed; sales and admin calls go on.
    static let statuses = Case(
        "statuses",
        goals: [
            .seconds("first_accepted", atMost: 1), .seconds("paused", atMost: 1),
            .time("answers", .recorded, "a second"), .count("statuses", .atLeast(200)),
        ]
    ) { scene, figures in
        let connections = scene.isSmall ? 2 : 16
        try await scene.setUp()
        try await scene.warmUp()
        let daemon = try scene.first
        let flood = StatusCallers(daemon, connections: connections)
        defer { flood.stop() }
        let running = Task { await flood.run() }
        try await scene.wait(for: "statuses are answered", atMost: 60) {
            flood.answered >= 200
        }
        let (watch, before) = (Stopwatch(), flood.answered)
        try await scene.wait(for: "a new coupon accepts", atMost: 60, every: 10) {
            await daemon.client.obtain(
                Coupons.beside, .newUser(), .accepted, timeout: .seconds(20))
        }
        figures["first_accepted"] = watch.seconds
        let pause = Stopwatch()
        try await scene.wait(for: "a coupon is paused", atMost: 60, every: 10) {
            try await daemon.client.pause(Coupons.main).state == .paused
        }
        figures["paused"] = pause.seconds
        figures["answers"] = Double(flood.answered - before) / watch.seconds
        figures["statuses"] = Double(flood.answered)
        flood.stop()
        await running.value
    }
}

extension Scene {
    /// Writes discarded dead letters.
    fileprivate func makeLetters(_ count: Int, of coupon: CouponID) async throws {
        log("writes \(count) dead letters")
        try await sql(
            """
            INSERT INTO coupond.dead_letter
                (partition, epoch, n, coupon_id, user_id, sequence, request_id, accepted_at, error,
                    state, decided_at)
            SELECT 0, 1, \(coupon.rawValue * 1_000_000_000) + n, \(coupon.rawValue), n, n,
                '\\x01', now(), 'volume', 3, now()
            FROM generate_series(1, \(count)) AS n
            """)
    }
}

extension [PlainSocket] {
    /// The connections on which the daemon answers. It refuses the others, or does not answer them.
    fileprivate func answered(within seconds: Double) -> [PlainSocket] {
        let asked = filter { socket in
            guard let frame = try? Request(id: 1, method: .health).frame() else { return false }
            return (try? socket.send(frame)) != nil
        }
        let watch = Stopwatch()
        return asked.filter { socket in
            guard socket.isReadable(within: Swift.max(0, seconds - watch.seconds)),
                case .health = try? socket.response()?.result
            else { return false }
            return true
        }
    }
}
