/// Issues, page by page along the primary key: a page costs the same wherever it begins.
public import CouponCore

extension PostgresCouponStore {
    /// A coupon's issues to users with an id above `after`, by user id.
    public func issues(
        of coupon: CouponID, after: UserID, limit: Int
    ) throws(BackendError) -> [Issue] {
        let rows = try session.run(
            Statement(
                """
                SELECT user_id, sequence, request_id, accepted_at, issued_at
                FROM coupond.coupon_issue
                WHERE coupon_id = $1 AND user_id > $2 ORDER BY user_id LIMIT $3
                """, .integer(coupon.rawValue), .integer(after.rawValue), .integer(Int64(limit))))
        return (0..<rows.count).map { row in
            Issue(
                user: UserID(rows.integer(row, 0)), sequence: rows.number(row, 1),
                requestID: rows.requestID(row, 2), acceptedAt: rows.timestamp(row, 3),
                issuedAt: rows.timestamp(row, 4))
        }
    }
}
