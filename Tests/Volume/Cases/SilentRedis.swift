/// A Redis that stands still, as one on a host that has stopped.
internal import CouponClient
internal import CouponCore
internal import NIOCore
internal import TestSupport
internal import TestWorld

extension Case {
    /// While Redis stands still, what needs PostgreSQL only is answered. Everything goes on afterwards.
    static let silentRedis = Case(
        "silent-redis", daemons: [1, 3],
        goals: [
            .seconds("status", atMost: 1.5), .count("answered", .atLeast(1), "of all"),
            .seconds("get", atMost: 1), .seconds("list", atMost: 1),
            .seconds("issued_again", atMost: 5), .sessionsLost,
        ]
    ) { scene, figures in
        let rounds = scene.isSmall ? 2 : 10
        try await scene.setUp { try await scene.makeRows(10, of: Coupons.main) }
        try await scene.warmUp()
        let daemon = try scene.first
        scene.world.redis.freeze()
        defer { scene.world.redis.thaw() }
        var statuses = Latencies()
        for _ in 1...rounds { await daemon.askForStatuses(of: Coupons.main, users: 10, &statuses) }
        figures["status"] = statuses.longest
        let asked = Double(statuses.seconds.count)
        figures["answered"] = (asked - Double(statuses.unanswered)) / asked
        let get = Stopwatch()
        _ = try await daemon.client.coupon(Coupons.main, deadline: .seconds(60))
        figures["get"] = get.seconds
        let list = Stopwatch()
        _ = try await daemon.client.coupons(deadline: .seconds(60))
        figures["list"] = list.seconds
        scene.world.redis.thaw()
        let watch = Stopwatch()
        try await scene.wait(for: "each partition issues again", atMost: 60, every: 50) {
            for coupon in [Coupons.main] + Coupons.elsewhere {
                for daemon in scene.daemons {
                    let isIssued = await daemon.client.obtain(
                        coupon, .newUser(), .issued, timeout: .seconds(1))
                    guard isIssued else { return false }
                }
            }
            return true
        }
        figures["issued_again"] = watch.seconds
    }
}

extension Coupond {
    /// Users 1 to n, who have the coupon, ask for their status at the same time.
    fileprivate func askForStatuses(
        of coupon: CouponID, users: Int64, _ latencies: inout Latencies
    ) async {
        let answers = await withTaskGroup(
            of: (seconds: Double, isIssued: Bool).self,
            returning: [(seconds: Double, isIssued: Bool)].self
        ) { group in
            for user in 1...users {
                group.addTask {
                    let watch = Stopwatch()
                    let status = try? await self.client.status(
                        of: coupon, user: UserID(user), deadline: .seconds(20))
                    guard case .issued? = status?.user else { return (watch.seconds, false) }
                    return (watch.seconds, true)
                }
            }
            var answers: [(seconds: Double, isIssued: Bool)] = []
            for await answer in group { answers.append(answer) }
            return answers
        }
        for answer in answers {
            latencies.add(answer.seconds)
            if !answer.isIssued { latencies.unanswered += 1 }
        }
    }
}
