/// How much the loads of one lane may write in a second, so that gates are served during a load.
public struct LoadBudget {
    private var endsAt: MonotonicTime
    private var holders = 0
    private var coupons = 0

    init(now: MonotonicTime) { endsAt = now }

    /// Whether more may be written in this second.
    public mutating func admits(now: MonotonicTime) -> Bool {
        if now >= endsAt {
            endsAt = now.advanced(byMilliseconds: 1_000)
            holders = Limits.holdersLoadedPerSecond
            coupons = Limits.couponsLoadedPerSecond
        }
        return holders > 0 && coupons > 0
    }

    /// How many loads may end in this second.
    public var couponsLeft: Int { max(0, coupons) }

    /// So many holders were written.
    public mutating func spend(holders: Int) { self.holders -= holders }

    /// A load has ended.
    public mutating func spendCoupon() { coupons -= 1 }
}
