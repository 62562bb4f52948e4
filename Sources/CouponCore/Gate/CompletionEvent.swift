/// What every daemon gets about a partition: after a commit, at each heartbeat, after an admin's change, and
/// when a rebuilt gate opens. The script that made the change publishes it.
///
/// A heartbeat is an event that moved nothing. A rebuilt gate is announced with its new epoch.
public struct CompletionEvent: Equatable, Sendable {
    /// The partition.
    public let partition: PartitionID
    /// The gate's epoch.
    public let epoch: Epoch
    /// Settled up to here before.
    public let from: Position
    /// Settled up to here now.
    public let to: Position
    /// By the gate's clock.
    public var publishedAt: Timestamp
    /// When the requests in (from, to] were issued; 0 if the event moved nothing.
    public let issuedAt: Timestamp
    /// Whether it follows a recovery or a rebuild: such an event answers no waiter (rule 23).
    public let resolve: Bool
    /// The coupons whose standing it carries.
    public let coupons: [CouponStanding]
    /// Accepted requests in (from, to] that were rejected or dead-lettered.
    public let rejections: [RejectedRequest]

    /// An event.
    public init(
        partition: PartitionID, epoch: Epoch, from: Position, to: Position,
        publishedAt: Timestamp, issuedAt: Timestamp = .zero, resolve: Bool,
        coupons: [CouponStanding],
        rejections: [RejectedRequest]
    ) {
        self.partition = partition
        self.epoch = epoch
        self.from = from
        self.to = to
        self.publishedAt = publishedAt
        self.issuedAt = issuedAt
        self.resolve = resolve
        self.coupons = coupons
        self.rejections = rejections
    }

    /// A coupon as the gate holds it when the event is published.
    public struct CouponStanding: Equatable, Sendable {
        /// The coupon.
        public let coupon: CouponID
        /// Rises within an epoch whenever the coupon opens or closes.
        public let rev: Int64
        /// The coupon's version.
        public let version: Int64
        /// Whether it is open to a new user.
        public let door: Door

        /// A coupon's standing.
        public init(coupon: CouponID, rev: Int64, version: Int64, door: Door) {
            self.coupon = coupon
            self.rev = rev
            self.version = version
            self.door = door
        }
    }

    /// An accepted request that was rejected or has become a dead letter.
    public struct RejectedRequest: Equatable, Sendable {
        /// The coupon.
        public let coupon: CouponID
        /// The request's sequence.
        public let sequence: Int64
        /// Why.
        public let reason: RejectionReason

        /// A rejected request.
        public init(coupon: CouponID, sequence: Int64, reason: RejectionReason) {
            self.coupon = coupon
            self.sequence = sequence
            self.reason = reason
        }
    }
}
