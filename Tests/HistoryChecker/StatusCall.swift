public import CouponCore

/// One CouponStatus that was answered, as its client saw it.
public struct StatusCall: Sendable {
    /// The coupon.
    public let coupon: CouponID
    /// The user whose request was asked about.
    public let user: UserID
    /// When the call began.
    public let sent: Timestamp
    /// When the client got the answer.
    public let ended: Timestamp
    /// The answer.
    public let status: UserStatus
    /// Whether it was asked when nothing was in flight any more.
    public let isAtRest: Bool

    /// A call that was answered.
    public init(
        coupon: CouponID, user: UserID, sent: Timestamp, ended: Timestamp, status: UserStatus,
        isAtRest: Bool = false
    ) {
        self.coupon = coupon
        self.user = user
        self.sent = sent
        self.ended = ended
        self.status = status
        self.isAtRest = isAtRest
    }
}
