/// The status of a coupon, and perhaps of one of its users.
public struct CouponStatus: Equatable, Sendable {
    /// The coupon as PostgreSQL has it.
    public var coupon: Coupon
    /// How many requests were accepted so far.
    public var accepted: Int64
    /// Accepted, not decided yet.
    public var queued: Int64
    /// The user's status; `.none` if the question named no user, or nothing is known.
    public var user: UserStatus
    /// Where the user's request stands in the queue; nil unless it is queued.
    public var place: QueuePlace?

    /// A status.
    public init(
        coupon: Coupon, accepted: Int64, queued: Int64, user: UserStatus, place: QueuePlace? = nil
    ) {
        self.coupon = coupon
        self.accepted = accepted
        self.queued = queued
        self.user = user
        self.place = place
    }
}

/// Where a queued request stands.
public struct QueuePlace: Equatable, Sendable {
    /// Accepted requests of the same coupon that are decided before it.
    public var ahead: Int64
    /// About how long until it is decided, in milliseconds, from the pace of its queue; nil if not known.
    public var milliseconds: Int64?

    /// A place.
    public init(ahead: Int64, milliseconds: Int64?) {
        self.ahead = ahead
        self.milliseconds = milliseconds
    }
}

/// What became of a user's request.
public enum UserStatus: Equatable, Sendable {
    /// No request is known.
    case none
    /// Accepted, not yet decided.
    case queued(sequence: Int64)
    /// Issued: the row is committed.
    case issued(sequence: Int64, at: Timestamp)
    /// Ended without an issue.
    case rejected(sequence: Int64, reason: RejectionReason)
}
