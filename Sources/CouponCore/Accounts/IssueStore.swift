/// The issues in PostgreSQL, to be looked through. Blocking, and confined to one thread.
public protocol IssueStore: AnyObject {
    /// Issues of a coupon, of users with an id above `after`, by user id; `limit` at most.
    func issues(
        of coupon: CouponID, after: UserID, limit: Int
    ) throws(BackendError) -> [Issue]
}
