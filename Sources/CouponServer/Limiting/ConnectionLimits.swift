/// The limits of one connection: retries, and requests for coupons that do not exist.
internal import CouponCore

struct ConnectionLimits {
    private static let retryRate = Rate(
        perSecond: Limits.retriesPerSecond, burst: Limits.retriesAtOnce)
    private static let unknownRate = Rate(
        perSecond: Limits.unknownCouponsPerSecond, burst: Limits.unknownCouponsAtOnce)

    /// The address under which the connection is counted; nil if its address has no limit.
    var address: AddressKey?
    /// Whether its address had as many connections as it may have.
    var isAboveAddressLimit = false
    /// Whether its TLS handshake is counted under that address.
    var isInHandshake = false
    /// The principal under whose name the connection is counted; nil if it may have any number.
    var principal: String?
    /// What the connection has spent.
    struct Buckets {
        fileprivate var retries = TokenBucket()
        fileprivate var unknownCoupons = TokenBucket()

        /// Whether one of the buckets has ever been used.
        var areUsed: Bool { retries.isUsed || unknownCoupons.isUsed }

        /// Whether a new connection would begin with fuller budgets.
        func owes(now: MonotonicTime) -> Bool {
            !retries.isFull(now: now) || !unknownCoupons.isFull(now: now)
        }
    }

    private(set) var buckets = Buckets()
    /// Whether the connection has asked for too many coupons that do not exist. Until its bucket has a token,
    /// it gets answers only for coupons that the front door knows.
    private(set) var isGuessing = false

    /// Begins with what an earlier connection of the address has spent.
    mutating func begin(with buckets: Buckets, now: MonotonicTime) {
        self.buckets = buckets
        isGuessing = buckets.unknownCoupons.wait(Self.unknownRate, now: now) != nil
    }

    /// Counts a retry.
    /// - Returns: nil if it may go on, else when to try again.
    mutating func retry(now: MonotonicTime) -> UInt32? {
        buckets.retries.spend(Self.retryRate, now: now)
    }

    /// A request named a coupon that does not exist.
    mutating func countUnknownCoupon(now: MonotonicTime) {
        buckets.unknownCoupons.charge(Self.unknownRate, now: now)
        isGuessing = buckets.unknownCoupons.wait(Self.unknownRate, now: now) != nil
    }

    /// Whether a coupon that the front door does not know may be looked up.
    /// - Returns: nil if it may, else when to try again.
    mutating func guess(now: MonotonicTime) -> UInt32? {
        guard isGuessing else { return nil }
        let wait = buckets.unknownCoupons.wait(Self.unknownRate, now: now)
        isGuessing = wait != nil
        return wait
    }
}
