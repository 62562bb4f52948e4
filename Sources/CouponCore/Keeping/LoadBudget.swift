/// How much the loads of one lane may write, so that gates are served during a load.
///
/// A command with holders keeps Redis busy for a millisecond or more, and each call of a scheduler or a
/// worker may wait for one. If loads wrote one command after the other, partitions that issue a few
/// requests each would fall behind.
public struct LoadBudget {
    private var endsAt: MonotonicTime
    private var restsUntil: MonotonicTime
    private var coupons = 0

    init(now: MonotonicTime) { (endsAt, restsUntil) = (now, now) }

    /// How long the next load must wait, in milliseconds; 0 if it need not.
    public mutating func wait(now: MonotonicTime) -> Int64 {
        if now >= endsAt {
            endsAt = now.advanced(byMilliseconds: 1_000)
            coupons = Limits.couponsLoadedPerSecond
        }
        let next = coupons > 0 ? restsUntil : endsAt
        return next > now ? max(1, next.milliseconds(since: now)) : 0
    }

    /// How many loads may end in this second.
    public var couponsLeft: Int { max(0, coupons) }

    /// Holders were written from `start` until now: the loads rest for as long, but not longer than they
    /// would wait for another load.
    mutating func rest(after start: MonotonicTime, now: MonotonicTime) {
        let rest = min(now.milliseconds(since: start), Limits.loadPauseMilliseconds)
        restsUntil = now.advanced(byMilliseconds: rest)
    }

    /// A load has ended.
    public mutating func spendCoupon() { coupons -= 1 }
}
