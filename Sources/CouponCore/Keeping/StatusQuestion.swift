/// A question about a coupon, and perhaps about one of its users.
public struct StatusQuestion: Hashable, Sendable {
    /// The coupon.
    public let coupon: CouponID
    /// The user; nil if only the coupon is asked about.
    public let user: UserID?

    /// A question.
    public init(coupon: CouponID, user: UserID?) {
        self.coupon = coupon
        self.user = user
    }
}

/// What PostgreSQL knows of many questions, read in one round trip.
public struct StatusRows: Sendable {
    /// The coupons as committed; a coupon without an entry does not exist.
    public var coupons: [CouponID: Result<Coupon, BackendError>]
    /// One for each question, in order; nil if PostgreSQL has no row of the user.
    public var standings: [Result<UserStanding?, BackendError>]
    /// The rows of the coupons' partitions.
    public var partitions: [PartitionID: PartitionRow]

    /// What PostgreSQL knows. An error belongs to one row, whose values no daemon would have written.
    public init(
        coupons: [CouponID: Result<Coupon, BackendError>],
        standings: [Result<UserStanding?, BackendError>],
        partitions: [PartitionID: PartitionRow]
    ) {
        self.coupons = coupons
        self.standings = standings
        self.partitions = partitions
    }
}
