/// Coupons that the gate does not hold and that PostgreSQL is asked about.
///
/// Callers may ask for unknown ids and for finished coupons. A load for each would delay the loads of coupons
/// on offer. So PostgreSQL is asked about many coupons at a time, one question after the other, and only
/// coupons that can still be issued are loaded: a flood of ids makes questions longer, not more.
internal import DequeModule

final class Lookups {
    /// A coupon that the gate did not hold when it was asked.
    struct Missing {
        let coupon: CouponID
        let epoch: Epoch
        /// The partition's `rev`, and the gate's clock, at that moment.
        let rev: Int64
        let now: Timestamp
        /// The subscription under which the gate was asked (rule 38).
        let generation: Int
    }

    private var waiting: Deque<Missing> = []
    private var asked: [Missing] = []
    private var isAsking = false

    /// False if too many wait.
    func add(_ missing: Missing) -> Bool {
        guard waiting.count < Limits.couponsWaitingForLookup else { return false }
        waiting.append(missing)
        return true
    }

    /// Starts the next question; empty if one is in flight or none waits.
    func begin() -> [CouponID] {
        guard !isAsking else { return [] }
        asked = Array(waiting.prefix(Limits.couponsPerLookup))
        waiting.removeFirst(asked.count)
        isAsking = !asked.isEmpty
        return asked.map(\.coupon)
    }

    /// The coupon was created or changed: an answer in flight may be older, so it is asked about again.
    func renew(_ coupon: CouponID) {
        guard let place = asked.firstIndex(where: { $0.coupon == coupon }) else { return }
        waiting.append(asked.remove(at: place))
    }

    /// Ends the question in flight; returns the coupons that it was about.
    func end() -> [Missing] {
        defer { (asked, isAsking) = ([], false) }
        return asked
    }
}
