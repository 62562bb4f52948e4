/// Coupons that the gate does not hold: what does PostgreSQL say of them?
///
/// Anybody may ask for ids that nobody has made, and for coupons that are long over, and each would
/// cost a load of its own, before which loads of coupons on offer stand in line. So PostgreSQL is asked
/// about many at a time, one question after the other, and only what can be had is loaded: a flood
/// makes the questions longer, not more, and brings no history into Redis.
internal import DequeModule

struct Lookups {
    /// A coupon that the gate did not hold when it was asked.
    struct Missing {
        let coupon: CouponID
        let epoch: Epoch
        /// The partition's count of changes, and the gate's clock, at that moment.
        let rev: Int64
        let now: Timestamp
        /// The subscription under which the gate was asked (rule 38).
        let generation: Int
    }

    private var waiting: Deque<Missing> = []
    private var asked: [Missing] = []
    private var isAsking = false

    /// False where too many wait.
    mutating func add(_ missing: Missing) -> Bool {
        guard waiting.count < Limits.couponsWaitingForLookup else { return false }
        waiting.append(missing)
        return true
    }

    /// What is to be asked now; empty where nothing is.
    mutating func begin() -> [CouponID] {
        guard !isAsking else { return [] }
        asked = Array(waiting.prefix(Limits.couponsPerLookup))
        waiting.removeFirst(asked.count)
        isAsking = !asked.isEmpty
        return asked.map(\.coupon)
    }

    /// The coupon was created or changed: the answer on its way may be from before, so it is asked again.
    mutating func renew(_ coupon: CouponID) {
        guard let place = asked.firstIndex(where: { $0.coupon == coupon }) else { return }
        waiting.append(asked.remove(at: place))
    }

    /// The question was answered: what it was about.
    mutating func end() -> [Missing] {
        defer { (asked, isAsking) = ([], false) }
        return asked
    }
}
