/// One user asks for one coupon.
public struct IssueRequest: Hashable, Sendable {
    /// Which coupon.
    public var coupon: CouponID
    /// Who asks.
    public var user: UserID
    /// By which name; empty where the caller gave none.
    public var requestID: RequestID
    /// What to wait for.
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

/// When a caller wants its answer.
public enum WaitFor: UInt8, Sendable {
    /// As soon as the gate has decided.
    case accepted = 0
    /// After the commit.
    case issued = 1
}
