/// The tables' side of a coupon's accounts, one snapshot.
public struct LedgerAccounts: Equatable, Sendable {
    /// The coupon's row.
    public let coupon: Coupon
    /// The partition's epoch.
    public let epoch: Epoch
    /// The partition's cursor.
    public let cursor: Position
    /// The coupon's rows in `coupon_issue`; nil if they were not counted.
    public let rows: IssuedRows?
    /// Rows in `issue_rejection`.
    public let rejected: Int64
    /// Dead letters that keep their slot.
    public let deadLettered: Int64
    /// Dead letters that were discarded.
    public let discarded: Int64
    /// Discarded ones that the gate has not confirmed: they may still have their slot.
    public let unsynced: Int64
    /// Dead letters of the partition that name no user: the number of their requests is unknown.
    public let unreadable: Int64
    /// Whether rejections and dead letters were all counted.
    public let isComplete: Bool

    /// The tables' side of a coupon's accounts.
    public init(
        coupon: Coupon, epoch: Epoch, cursor: Position, rows: IssuedRows?, rejected: Int64,
        deadLettered: Int64, discarded: Int64 = 0, unsynced: Int64 = 0, unreadable: Int64 = 0,
        isComplete: Bool = true
    ) {
        self.coupon = coupon
        self.epoch = epoch
        self.cursor = cursor
        self.rows = rows
        self.rejected = rejected
        self.deadLettered = deadLettered
        self.discarded = discarded
        self.unsynced = unsynced
        self.unreadable = unreadable
        self.isComplete = isComplete
    }

    /// Decided requests, whatever their end.
    public var decided: Int64 { coupon.issued + rejected + deadLettered + discarded }

    /// Sequences up to the last decided one that no request has: a gate gave them out and lost them.
    ///
    /// Exact at every moment: requests are decided in order, so none with a lower sequence than the last
    /// decided one can still come.
    public var lost: Int64 { coupon.lastSequence - decided }

    /// Whether losses are expected: the gate was rebuilt, or an unreadable entry is among the dead letters.
    public var isLossDocumented: Bool { epoch > 1 || unreadable > 0 }
}

/// Rows in `coupon_issue` of one coupon.
public struct IssuedRows: Equatable, Sendable {
    /// How many.
    public let count: Int64
    /// The lowest sequence; nil without rows.
    public let lowest: Int64?
    /// The highest sequence; nil without rows.
    public let highest: Int64?
    /// Rows that share their sequence with another.
    public let repeated: Int64

    /// Rows of one coupon.
    public init(count: Int64, lowest: Int64?, highest: Int64?, repeated: Int64) {
        self.count = count
        self.lowest = lowest
        self.highest = highest
        self.repeated = repeated
    }
}
