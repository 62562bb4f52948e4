/// Coupons that the gate does not hold, before they are loaded: do they exist?
///
/// Anybody may ask for ids that nobody has made, and each would cost a load of its own, before which loads of
/// real coupons stand in line. So PostgreSQL is asked about many at a time, one question after the other, and
/// only what exists is loaded: a flood makes the questions longer, not more.
internal import DequeModule

struct Lookups {
    private var waiting: Deque<CouponID> = []
    private var asked: [CouponID] = []

    /// False where too many wait.
    mutating func add(_ coupon: CouponID) -> Bool {
        guard waiting.count < Limits.couponsWaitingForLookup else { return false }
        waiting.append(coupon)
        return true
    }

    /// What is to be asked now; empty where nothing is.
    mutating func begin() -> [CouponID] {
        guard asked.isEmpty else { return [] }
        asked = Array(waiting.prefix(Limits.couponsPerLookup))
        waiting.removeFirst(asked.count)
        return asked
    }

    /// The question was answered: what it was about.
    mutating func end() -> [CouponID] {
        defer { asked = [] }
        return asked
    }
}

extension Worker {
    /// The gate does not hold a coupon that somebody asks for.
    func lookUp(_ coupon: CouponID) {
        guard lookups.add(coupon) else {
            return didLoad(
                coupon, .failed(.exhausted("too many coupons are asked for that are not loaded")))
        }
        askLookups()
    }

    /// The last lookup has ended.
    /// - Parameter result: those of the coupons that exist.
    public func didLookUp(_ result: Result<Set<CouponID>, Failure>) {
        for coupon in lookups.end() {
            switch result {
            case .success(let existing) where existing.contains(coupon): host.load(coupon)
            case .success: didLoad(coupon, .absent)
            case .failure(let failure): didLoad(coupon, .failed(failure))
            }
        }
        askLookups()
    }

    private func askLookups() {
        let coupons = lookups.begin()
        if !coupons.isEmpty { host.lookUp(coupons) }
    }
}
