/// The limits of one connection: retries, and requests for coupons that do not exist.
internal import CouponCore

struct ConnectionLimits {
    private static let retryRate = Rate(
        perSecond: Limits.retriesPerSecond, burst: Limits.retriesAtOnce)
    private static let unknownRate = Rate(
        perSecond: Limits.unknownCouponsPerSecond, burst: Limits.unknownCouponsAtOnce)

    /// The address under which the connection is counted; nil if its address has no limit.
    var address: AddressKey?
    /// The principal under whose name the connection is counted; nil if it may have any number.
    var principal: String?
    private var retries = TokenBucket()
    private var unknownCoupons = TokenBucket()
    /// Whether the connection has asked for too many coupons that do not exist. Until its bucket has a token,
    /// it gets answers for coupons only that the front door knows.
    private(set) var isGuessing = false

    /// Counts a retry.
    /// - Returns: nil if it may go on, else when to try again.
    mutating func retry(now: MonotonicTime) -> UInt32? {
        retries.spend(Self.retryRate, now: now)
    }

    /// A request named a coupon that does not exist.
    mutating func countUnknownCoupon(now: MonotonicTime) {
        unknownCoupons.charge(Self.unknownRate, now: now)
        isGuessing = unknownCoupons.wait(Self.unknownRate, now: now) != nil
    }

    /// Whether a coupon that the front door does not know may be looked up.
    /// - Returns: nil if it may, else when to try again.
    mutating func guess(now: MonotonicTime) -> UInt32? {
        guard isGuessing else { return nil }
        let wait = unknownCoupons.wait(Self.unknownRate, now: now)
        isGuessing = wait != nil
        return wait
    }
}
