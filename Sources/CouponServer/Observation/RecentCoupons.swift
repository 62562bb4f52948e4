/// The coupons that completion events have named last, for the status page.
internal import CouponCore

struct RecentCoupons {
    /// The last one first.
    private(set) var ids: [CouponID] = []

    mutating func add(_ coupons: [CouponID]) {
        // During a sale each event names the same coupon.
        guard !coupons.isEmpty, !(coupons.count == 1 && coupons.first == ids.first) else {
            return
        }
        let latest = Array(coupons.prefix(Limits.statusPageCoupons))
        let named = Set(latest)
        ids = Array(
            (latest + ids.filter { !named.contains($0) }).prefix(Limits.statusPageCoupons))
    }
}
