/// All that PostgreSQL has of a user and a coupon, in one snapshot, for an explanation.
public struct UserTraces: Sendable {
    /// The row of the coupon's partition.
    public let partition: PartitionRow
    /// The coupon; nil if it does not exist.
    public let coupon: Coupon?
    /// The user's issue.
    public let issue: Issue?
    /// The user's rejections, the latest first; `limit` at most.
    public let rejections: [RejectionTrace]
    /// The user's dead letters, the latest first; `limit` at most.
    public let letters: [DecidedLetter]
    /// Whether the partition has dead letters that name no user: one of them may be this user's.
    public let hasUnreadable: Bool
    /// What admins did to the coupon, the latest first; `limit` at most.
    public let trail: [TrailLine]

    /// The most rejections that are read; the same for dead letters and for lines of the trail.
    public static let limit = 10

    /// What PostgreSQL has.
    public init(
        partition: PartitionRow, coupon: Coupon?, issue: Issue?, rejections: [RejectionTrace],
        letters: [DecidedLetter], hasUnreadable: Bool, trail: [TrailLine]
    ) {
        self.partition = partition
        self.coupon = coupon
        self.issue = issue
        self.rejections = rejections
        self.letters = letters
        self.hasUnreadable = hasUnreadable
        self.trail = trail
    }
}

/// An accepted request that ended without an issue, as its row says.
public struct RejectionTrace: Equatable, Sendable {
    /// Its sequence, given by the gate.
    public let sequence: Int64
    /// Its request id.
    public let requestID: RequestID
    /// Why.
    public let reason: RejectionReason
    /// Where it was queued.
    public let position: Position
    /// When that was committed.
    public let at: Timestamp

    /// A rejection as PostgreSQL has it.
    public init(
        sequence: Int64, requestID: RequestID, reason: RejectionReason, position: Position,
        at: Timestamp
    ) {
        self.sequence = sequence
        self.requestID = requestID
        self.reason = reason
        self.position = position
        self.at = at
    }
}

/// A dead letter, and when an admin decided.
public struct DecidedLetter: Equatable, Sendable {
    /// The letter.
    public let letter: DeadLetter
    /// Nil if nobody has decided.
    public let decidedAt: Timestamp?

    /// A dead letter as PostgreSQL has it.
    public init(letter: DeadLetter, decidedAt: Timestamp?) {
        self.letter = letter
        self.decidedAt = decidedAt
    }
}
