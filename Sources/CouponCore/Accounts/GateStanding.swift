/// The `rev` of a coupon at the gate, for comparison with what workers remember.
public struct GateStanding: Equatable, Sendable {
    /// The coupon.
    public let coupon: CouponID
    /// The gate's epoch.
    public let epoch: Epoch
    /// The record's `rev`.
    public let rev: Int64

    /// A standing.
    public init(coupon: CouponID, epoch: Epoch, rev: Int64) {
        self.coupon = coupon
        self.epoch = epoch
        self.rev = rev
    }
}
