/// What an auditor asks of PostgreSQL. Blocking, and confined to one thread.
public protocol AuditStore: AnyObject {
    /// The tables' side of the accounts, one snapshot for all; those that are missing are left out.
    func accounts(of coupons: [CouponID], _ bounds: AccountsBounds) throws(BackendError)
        -> [LedgerAccounts]

    /// The same for the coupons with an id above `after`, by id.
    func accounts(after: CouponID, limit: Int, _ bounds: AccountsBounds) throws(BackendError)
        -> [LedgerAccounts]

    /// Counts rows of a coupon by user, `limit` at most.
    func rows(of coupon: CouponID, after: UserID, limit: Int) throws(BackendError) -> RowSlice

    /// Ranges of sequences up to the last one decided that nobody has, `limit` at most. It reads every row.
    func missingSequences(of coupon: CouponID, limit: Int) throws(BackendError)
        -> [ClosedRange<Int64>]

    /// Leaves a note, due now, that the gate must be told of a coupon once more.
    /// - Parameter version: raises the coupon's above this one before, so that a gate that has it takes what
    ///   the tables say; nil where the tables' is newer already.
    func requestResync(_ coupon: CouponID, above version: Int64?) throws(BackendError)

    // The rest is asked by others as well.

    /// A coupon; nil where there is none.
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
    /// Issues; a coupon with more has them not counted.
    public let rows: Int64
    /// Rejections and dead letters, each; of a coupon with more not all are counted.
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
    /// What the coupon said in the same snapshot.
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

    /// Users whom the gate knows, in no order, `limit` at least where there are so many.
    func holders(
        of coupon: CouponID, partition: PartitionID, epoch: Epoch, limit: Int
    ) throws(BackendError) -> [LoadedHolder]
}
