/// The tables' side of the accounts of a coupon.
public import CouponCore

extension PostgresCouponStore {
    /// Counts rows, in one snapshot; nil where the coupon is missing. It reads every issue.
    public func accounts(of coupon: CouponID) throws(LedgerError) -> LedgerAccounts? {
        let rows = try session.run(
            Statement(
                """
                SELECT \(Coupon.columns), i.*,
                    (SELECT count(*) FROM coupond.issue_rejection WHERE coupon_id = $1),
                    (SELECT count(*) FROM coupond.dead_letter WHERE coupon_id = $1 AND state = 1),
                    cursor_epoch, cursor_n
                FROM coupond.coupon AS c, (SELECT id AS partition_id, cursor_epoch, cursor_n
                    FROM coupond.partition) AS p, (
                    SELECT coalesce(sum(holders), 0)::int8, min(sequence), max(sequence),
                        coalesce(sum(holders) FILTER (WHERE holders > 1), 0)::int8
                    FROM (
                        SELECT sequence, count(*) AS holders FROM coupond.coupon_issue
                        WHERE coupon_id = $1 GROUP BY sequence) AS s) AS i
                WHERE c.id = $1 AND partition_id = $2
                """, .integer(coupon.rawValue),
                .integer(Int64(partitioning.partition(of: coupon).rawValue))))
        guard rows.count == 1 else { return nil }
        return LedgerAccounts(
            coupon: try rows.coupon(0), issued: rows.integer(0, 9),
            lowestSequence: rows.optionalInteger(0, 10),
            highestSequence: rows.optionalInteger(0, 11),
            repeatedSequences: rows.integer(0, 12), rejected: rows.integer(0, 13),
            deadLettered: rows.integer(0, 14), cursor: rows.position(0, 15))
    }
}
