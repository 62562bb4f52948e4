/// One accepted request, wherever it is named outside its entry.
public struct AcceptedRequest: Hashable, Sendable {
    /// The coupon.
    public let coupon: CouponID
    /// Who has it.
    public let user: UserID
    /// The gate's order number.
    public let sequence: Int64
    /// The request that counted.
    public let requestID: RequestID

    /// A request that was accepted.
    public init(coupon: CouponID, user: UserID, sequence: Int64, requestID: RequestID) {
        self.coupon = coupon
        self.user = user
        self.sequence = sequence
        self.requestID = requestID
    }
}
