/// Promise 9: every request ends by its deadline.
internal import CouponCore

extension HistoryChecker {
    /// Answers that came too late although neither the daemon nor its network was disturbed. Time in which
    /// the machine did not let the client run does not count.
    func deadlineBreaches(_ history: History) -> [Breach] {
        let allowed = Self.grantedMilliseconds + toleranceMilliseconds
        return history.calls.compactMap { call in
            let lateness = call.ended.milliseconds(since: call.sent) - call.deadlineMilliseconds
            guard lateness > allowed else { return nil }
            let span = Interval(from: call.sent, to: call.ended)
            let disturbances = history.disturbances[call.daemon] ?? []
            guard !disturbances.contains(where: { $0.overlaps(span) }) else { return nil }
            let stalled = history.stalled(in: span)
            guard lateness - stalled > allowed else { return nil }
            return Breach(
                .late, call.coupon, [call.user],
                "\(lateness) ms after its deadline (the client itself was stalled for \(stalled) ms)"
            )
        }
    }
}

extension History {
    /// For how long the machine did not let the client run, in milliseconds.
    func stalled(in span: Interval) -> Int64 {
        stalls.filter { $0.overlaps(span) }.reduce(0) { $0 + $1.to.milliseconds(since: $1.from) }
    }
}
