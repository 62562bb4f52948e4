/// One user asks for one coupon.
public struct IssueRequest: Hashable, Sendable {
    /// The coupon.
    public var coupon: CouponID
    /// The user that asks.
    public var user: UserID
    /// The caller's name for this request; empty if it gave none.
    public var requestID: RequestID
    /// When to answer.
    public var waitFor: WaitFor
    /// 0 for the first try.
    public var attempt: UInt32

    /// A request.
    public init(
        coupon: CouponID, user: UserID, requestID: RequestID = .empty,
        waitFor: WaitFor = .accepted, attempt: UInt32 = 0
    ) {
        self.coupon = coupon
        self.user = user
        self.requestID = requestID
        self.waitFor = waitFor
        self.attempt = attempt
    }
}

/// When the daemon answers.
public enum WaitFor: UInt8, Sendable {
    /// As soon as the gate has decided.
    case accepted = 0
    /// After the commit.
    case issued = 1
}
