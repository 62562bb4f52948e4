/// One accepted request, with all that identifies it outside its queue entry.
public struct AcceptedRequest: Hashable, Sendable {
    /// The coupon.
    public let coupon: CouponID
    /// The user.
    public let user: UserID
    /// Its sequence, given by the gate.
    public let sequence: Int64
    /// The id of the accepted request.
    public let requestID: RequestID

    /// A request that was accepted.
    public init(coupon: CouponID, user: UserID, sequence: Int64, requestID: RequestID) {
        self.coupon = coupon
        self.user = user
        self.sequence = sequence
        self.requestID = requestID
    }
}
