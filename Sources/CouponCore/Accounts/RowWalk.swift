/// Counts the rows of one coupon after the other, a slice at a time, and compares them with what the
/// coupon says. A coupon that is issued meanwhile is left for the next round: what stands still is exact.
public struct RowWalk: Sendable {
    private var counted: Int64 = 0
    /// What the coupon said when its first slice was counted.
    private var issuedAtStart: Int64?

    /// Whose rows are counted.
    public private(set) var coupon = CouponID(0)
    /// Rows up to this user are counted.
    public private(set) var user = UserID(0)

    /// Begins before the first coupon.
    public init() {}

    /// Goes on with this coupon; nil begins again.
    public mutating func begin(_ coupon: CouponID?) {
        self.coupon = coupon ?? CouponID(0)
        user = UserID(0)
        counted = 0
        issuedAtStart = nil
    }

    /// Takes a slice of at most `limit` rows.
    /// - Returns: whether the coupon is done, and the statement about it, if one can be made.
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
