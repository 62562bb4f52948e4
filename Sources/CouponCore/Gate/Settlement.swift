/// What settle does after a commit, in one script (rules 21 and 22).
public struct Settlement: Equatable, Sendable {
    /// The partition.
    public let partition: PartitionID
    /// The epoch in which the commit was made.
    public let epoch: Epoch
    /// The Redis from which the entries were read: in another one the same positions are other entries.
    public let identity: RedisIdentity
    /// Where the gate's `settled` must be.
    public let from: Position
    /// Where it goes: the cursor.
    public let to: Position
    /// When the rows were issued; the event carries it to the waiters.
    public let issuedAt: Timestamp
    /// Whether it repeats an earlier owner's settle (rule 23).
    public let isRecovery: Bool
    /// The coupons in (from, to], as committed, with how many of their requests are settled.
    public let coupons: [SettledCoupon]
    /// The requests in (from, to] that were rejected or have become dead letters.
    public let rejections: [Rejection]

    /// A settlement.
    public init(
        partition: PartitionID, epoch: Epoch, identity: RedisIdentity, from: Position, to: Position,
        issuedAt: Timestamp = .zero, isRecovery: Bool,
        coupons: [SettledCoupon], rejections: [Rejection]
    ) {
        self.partition = partition
        self.epoch = epoch
        self.identity = identity
        self.from = from
        self.to = to
        self.issuedAt = issuedAt
        self.isRecovery = isRecovery
        self.coupons = coupons
        self.rejections = rejections
    }
}

/// A coupon in a settlement.
public struct SettledCoupon: Equatable, Sendable {
    /// The coupon's id.
    public let id: CouponID
    /// As committed; nil if it was deleted from PostgreSQL.
    public let coupon: Coupon?
    /// How many of its requests left the queue.
    public let requests: Int64

    /// A coupon in a settlement.
    public init(id: CouponID, coupon: Coupon?, requests: Int64) {
        self.id = id
        self.coupon = coupon
        self.requests = requests
    }
}

/// An accepted request that was rejected or has become a dead letter.
public struct Rejection: Equatable, Sendable {
    /// The request.
    public let accepted: AcceptedRequest
    /// Where it was queued.
    public let position: Position
    /// Why. A dead letter keeps its slot; every other rejection gives it back.
    public let reason: RejectionReason
    /// For `alreadyIssued`: the request that holds the coupon.
    public let issued: AcceptedRequest?

    /// A rejection.
    public init(
        accepted: AcceptedRequest, position: Position, reason: RejectionReason,
        issued: AcceptedRequest?
    ) {
        self.accepted = accepted
        self.position = position
        self.reason = reason
        self.issued = issued
    }
}
