/// Counts the rows of one coupon after the other, a slice at a time, and compares them with the coupon's
/// `issued`. If that changes during the count, the coupon is left for the next round.
public struct RowWalk: Sendable {
    private var counted: Int64 = 0
    /// The coupon's `issued` when its first slice was counted.
    private var issuedAtStart: Int64?

    /// Whose rows are counted.
    public private(set) var coupon = CouponID(0)
    /// Rows up to this user are counted.
    public private(set) var user = UserID(0)

    /// Begins before the first coupon.
    public init() {}

    /// Continues with this coupon; nil begins again with the first.
    public mutating func begin(_ coupon: CouponID?) {
        self.coupon = coupon ?? CouponID(0)
        user = UserID(0)
        counted = 0
        issuedAtStart = nil
    }

    /// Adds a slice of at most `limit` rows.
    /// - Returns: whether the coupon is done, and its check if `issued` did not change.
    public mutating func apply(_ slice: RowSlice, limit: Int) -> (isDone: Bool, check: Check?) {
        let issued = issuedAtStart ?? slice.issued
        issuedAtStart = issued
        counted += slice.count
        guard slice.issued == issued else { return (true, nil) }
        if slice.count == Int64(limit), let last = slice.last {
            user = last
            return (false, nil)
        }
        return (
            true, .equal(AccountsJudge.Rule.rows, counted, issued, .exact)
        )
    }
}
