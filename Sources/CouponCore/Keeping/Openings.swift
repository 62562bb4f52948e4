internal import DequeModule

/// Coupons that are loaded before their windows open, so that the first second of a sale waits for no load.
///
/// Each is loaded once. Loads in flight are bounded, so that loads for callers do not wait for long.
public struct Openings {
    /// Coupons that open soon, if their load has begun or waits for its turn.
    private var known: Set<CouponID> = []
    private var waiting: Deque<CouponID> = []
    private var inFlight = 0
    /// Whether a load has ended since the last ones began.
    private var isDue = false

    /// No coupon opens soon.
    public init() {}

    /// Adds coupons that open soon.
    /// - Parameter opening: all of them. Coupons that are missing here are forgotten: they have opened.
    public mutating func update(_ opening: [CouponID]) {
        known.formIntersection(opening)
        for coupon in opening where known.insert(coupon).inserted { waiting.append(coupon) }
    }

    /// The coupons whose loads begin now.
    public mutating func begin() -> [CouponID] {
        var coupons: [CouponID] = []
        isDue = false
        while inFlight < Limits.openingLoadsInFlight, let coupon = waiting.popFirst() {
            // A coupon that has opened in the meantime is loaded by its first request.
            guard known.contains(coupon) else { continue }
            inFlight += 1
            coupons.append(coupon)
        }
        return coupons
    }

    /// The next loads do not begin yet: the end of a load asks again.
    public mutating func postpone() { isDue = false }

    /// A load has ended. One that failed begins again with the next update.
    /// - Returns: whether this is the first load to end since loads last began. If it is, the caller begins
    ///   the next loads after it has counted those that ended with this one: loads that begin together cost
    ///   little more than one.
    public mutating func end(_ coupon: CouponID, failed: Bool) -> Bool {
        inFlight -= 1
        if failed { known.remove(coupon) }
        defer { isDue = true }
        return !isDue
    }
}
