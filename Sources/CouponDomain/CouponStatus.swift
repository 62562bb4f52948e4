/// How a coupon, and perhaps a user, stand.
public struct CouponStatus: Equatable, Sendable {
    /// The coupon as PostgreSQL has it.
    public var coupon: Coupon
    /// Accepted so far, whatever became of it.
    public var accepted: Int64
    /// Accepted and not yet decided.
    public var queued: Int64
    /// Of the user that was asked about; `.none` where nobody was, or nothing is known.
    public var user: UserStatus

    /// A status.
    public init(coupon: Coupon, accepted: Int64, queued: Int64, user: UserStatus) {
        self.coupon = coupon
        self.accepted = accepted
        self.queued = queued
        self.user = user
    }
}

/// What became of a user's request.
public enum UserStatus: Equatable, Sendable {
    /// None is known.
    case none
    /// Accepted, not yet decided.
    case queued(sequence: Int64)
    /// Committed.
    case issued(sequence: Int64, at: Timestamp)
    /// Ended without an issue.
    case rejected(sequence: Int64, reason: RejectionReason)
}
