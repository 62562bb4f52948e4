/// Many users ask for one coupon. Each of them is a request of its own.
public struct IssueBatch: Hashable, Sendable {
    /// A user, with the name of its request.
    public struct Item: Hashable, Sendable {
        /// The user that asks.
        public var user: UserID
        /// The caller's name for the request; empty if it gave none.
        public var requestID: RequestID

        /// A user; with a random request id by default, so that the request can be repeated.
        public init(user: UserID, requestID: RequestID = .random()) {
            self.user = user
            self.requestID = requestID
        }
    }

    /// The coupon.
    public var coupon: CouponID
    /// 1 to `Limits.usersPerBatch`. Their request ids have 16 bytes, or all are empty.
    public var items: [Item]
    /// When to answer.
    public var waitFor: WaitFor
    /// 0 for the first try.
    public var attempt: UInt32

    /// A batch.
    public init(
        coupon: CouponID, items: [Item], waitFor: WaitFor = .accepted, attempt: UInt32 = 0
    ) {
        self.coupon = coupon
        self.items = items
        self.waitFor = waitFor
        self.attempt = attempt
    }

    /// One of its requests.
    public func request(_ index: Int) -> IssueRequest {
        IssueRequest(
            coupon: coupon, user: items[index].user, requestID: items[index].requestID,
            waitFor: waitFor, attempt: attempt)
    }
}

/// The status of a coupon, and of many of its users.
public struct CouponStatusBatch: Equatable, Sendable {
    /// The coupon as PostgreSQL has it.
    public var coupon: Coupon
    /// How many requests were accepted so far.
    public var accepted: Int64
    /// Accepted, not decided yet.
    public var queued: Int64
    /// In the order of the question.
    public var users: [UserStatus]

    /// A status.
    public init(coupon: Coupon, accepted: Int64, queued: Int64, users: [UserStatus]) {
        self.coupon = coupon
        self.accepted = accepted
        self.queued = queued
        self.users = users
    }
}
