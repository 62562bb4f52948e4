public import CouponCore

/// The tables and the gate at the end of a history, when nothing is in flight.
public struct Tables: Sendable {
    /// A coupon's row.
    public struct CouponRow: Sendable {
        /// The coupon.
        public let id: CouponID
        /// Nil means unlimited.
        public let total: Int64?
        /// The row's own count of issues.
        public let issued: Int64

        /// A row.
        public init(id: CouponID, total: Int64?, issued: Int64) {
            self.id = id
            self.total = total
            self.issued = issued
        }
    }

    /// A committed issue, or a request that ended without one.
    public struct RequestRow: Hashable, Sendable {
        /// The coupon.
        public let coupon: CouponID
        /// The user.
        public let user: UserID
        /// The request's sequence.
        public let sequence: Int64
        /// The request's id.
        public let requestID: RequestID
        /// When the gate accepted it; nil if the table does not have it.
        public let acceptedAt: Timestamp?

        /// A row.
        public init(
            coupon: CouponID, user: UserID, sequence: Int64, requestID: RequestID,
            acceptedAt: Timestamp? = nil
        ) {
            self.coupon = coupon
            self.user = user
            self.sequence = sequence
            self.requestID = requestID
            self.acceptedAt = acceptedAt
        }
    }

    /// A partition: its row, its gate and its queue.
    public struct Partition: Sendable {
        /// Its number.
        public let id: PartitionID
        /// The epoch in PostgreSQL.
        public let epoch: Epoch
        /// The position up to which PostgreSQL has committed.
        public let cursor: Position
        /// Nil if Redis has no gate.
        public let gate: Gate?

        /// A partition.
        public init(id: PartitionID, epoch: Epoch, cursor: Position, gate: Gate?) {
            self.id = id
            self.epoch = epoch
            self.cursor = cursor
            self.gate = gate
        }
    }

    /// A partition's gate and queue, as Redis has them.
    public struct Gate: Sendable {
        /// Whether it accepts.
        public let isOpen: Bool
        /// Its epoch.
        public let epoch: Epoch
        /// The position up to which it knows of commits.
        public let settled: Position
        /// Entries in the queue.
        public let entries: Int64

        /// A gate.
        public init(isOpen: Bool, epoch: Epoch, settled: Position, entries: Int64) {
            self.isOpen = isOpen
            self.epoch = epoch
            self.settled = settled
            self.entries = entries
        }
    }

    /// The gate's counters of a loaded coupon.
    public struct Record: Sendable {
        /// Slots in use.
        public let used: Int64
        /// Accepted requests that are not settled.
        public let queued: Int64
        /// The sequence of the next accepted request.
        public let nextSequence: Int64

        /// The gate's counters.
        public init(used: Int64, queued: Int64, nextSequence: Int64) {
            self.used = used
            self.queued = queued
            self.nextSequence = nextSequence
        }
    }

    /// Every coupon's row.
    public var coupons: [CouponRow] = []
    /// Every committed issue.
    public var issues: [RequestRow] = []
    /// Every rejection.
    public var rejections: [RequestRow] = []
    /// Every held dead letter whose request is known.
    public var deadLetters: [RequestRow] = []
    /// Every partition.
    public var partitions: [Partition] = []
    /// The coupons that the gate has loaded.
    public var records: [CouponID: Record] = [:]

    /// Empty tables.
    public init() {}
}
