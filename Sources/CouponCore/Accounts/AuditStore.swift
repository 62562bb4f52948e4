/// What an auditor asks of PostgreSQL. Blocking, and confined to one thread.
public protocol AuditStore: AnyObject {
    /// The tables' side of the accounts, from one snapshot; missing coupons are left out.
    func accounts(of coupons: [CouponID], _ bounds: AccountsBounds) throws(BackendError)
        -> [LedgerAccounts]

    /// The same for the coupons with an id above `after`, by id.
    func accounts(after: CouponID, limit: Int, _ bounds: AccountsBounds) throws(BackendError)
        -> [LedgerAccounts]

    /// Counts a coupon's rows in the order of their users, `limit` at most.
    func rows(of coupon: CouponID, after: UserID, limit: Int) throws(BackendError) -> RowSlice

    /// Ranges of decided sequences without a row, `limit` at most. It reads every row of the coupon.
    func missingSequences(of coupon: CouponID, limit: Int) throws(BackendError)
        -> [ClosedRange<Int64>]

    /// Adds a coupon to the outbox, due now, so that the gate gets it again.
    /// - Parameter version: the coupon's version is raised above it first, so that a gate with that version
    ///   accepts the update; nil if the tables' version is newer already.
    func requestResync(_ coupon: CouponID, above version: Int64?) throws(BackendError)

    // `CouponStore` has these too.

    /// A coupon; nil if it does not exist.
    func coupon(_ id: CouponID) throws(BackendError) -> Coupon?

    /// Coupons with an id above `after`, by id.
    func coupons(after: CouponID, limit: Int) throws(BackendError) -> [Coupon]

    /// What PostgreSQL knows of these requests, and the cursor, in one snapshot.
    func decisions(
        _ questions: [AcceptedRequest], in partition: PartitionID
    ) throws(BackendError) -> Decisions
}

/// How many rows may be read for the accounts of one coupon.
public struct AccountsBounds: Sendable {
    /// Issues. If a coupon has more, they are not counted.
    public let rows: Int64
    /// Rejections, and dead letters. If a coupon has more, only so many are counted.
    public let rejections: Int64

    /// Bounds.
    public init(rows: Int64, rejections: Int64) {
        self.rows = rows
        self.rejections = rejections
    }
}

/// Some rows of a coupon, counted.
public struct RowSlice: Equatable, Sendable {
    /// How many.
    public let count: Int64
    /// The last user among them; nil without rows.
    public let last: UserID?
    /// The coupon's `issued` in the same snapshot.
    public let issued: Int64

    /// Some rows of a coupon.
    public init(count: Int64, last: UserID?, issued: Int64) {
        self.count = count
        self.last = last
        self.issued = issued
    }
}

/// What an auditor asks of Redis. Blocking, and confined to one thread.
public protocol AuditGate: AnyObject {
    /// The gate, and what it knows of a coupon and of one user.
    func inspect(
        _ coupon: CouponID, partition: PartitionID, user: UserID?
    ) throws(BackendError) -> GateInspection

    /// Holders at the gate, in no order: at least `limit`, or all.
    func holders(
        of coupon: CouponID, partition: PartitionID, epoch: Epoch, limit: Int
    ) throws(BackendError) -> [LoadedHolder]
}
