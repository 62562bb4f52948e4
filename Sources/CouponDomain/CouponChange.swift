/// An admin's change of a coupon: what is nil stays.
public struct CouponChange: Equatable, Sendable {
    /// A new title.
    public var title: String?
    /// A new total; `.some(nil)` is unlimited.
    public var total: Int64??
    /// A new first moment.
    public var opens: Timestamp?
    /// A new first moment after.
    public var closes: Timestamp?
    /// A new state.
    public var state: CouponState?

    /// A change; what is nil stays.
    public init(
        title: String? = nil, total: Int64?? = nil, opens: Timestamp? = nil,
        closes: Timestamp? = nil, state: CouponState? = nil
    ) {
        self.title = title
        self.total = total
        self.opens = opens
        self.closes = closes
        self.state = state
    }
}
