/// A coupon with all whom the gate must know (rules 30 and 32), from one snapshot.
///
/// A popular coupon has millions of holders: they are fetched in parts, through a cursor, so that beside
/// the result itself only one part is in memory.
internal import CouponCore

extension Session {
    private static let holdersPerFetch = 10_000

    func load(_ coupon: CouponID) throws(LedgerError) -> LoadedCoupon? {
        do throws(LedgerError) {
            let rows = try run(
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
                Statement(
                    """
                    SELECT \(Coupon.columns), (
                        SELECT count(*) FROM coupond.dead_letter
                        WHERE coupon_id = $1 AND user_id IS NOT NULL AND state = 1)
                    FROM coupond.coupon WHERE id = $1
                    """, .integer(coupon.rawValue)))
            var loaded: LoadedCoupon?
            if rows.count == 1 {
                let coupon = try rows.coupon(0)
                loaded = LoadedCoupon(
                    coupon: coupon, holders: try holders(of: coupon),
                    used: coupon.issued + rows.integer(0, 9), queued: 0,
                    nextSequence: coupon.lastSequence + 1)
            }
            _ = try run("COMMIT")
            return loaded
        } catch {
            rollBack()
            throw error
        }
    }

    /// Issues, and of the users without one the latest refusal.
    private func holders(of coupon: Coupon) throws(LedgerError) -> [LoadedHolder] {
        _ = try run(
            Statement(
                """
                DECLARE holder NO SCROLL CURSOR FOR
                SELECT user_id, sequence, request_id, NULL::smallint
                FROM coupond.coupon_issue WHERE coupon_id = $1
                UNION ALL (
                    SELECT DISTINCT ON (user_id) user_id, sequence, request_id, reason
                    FROM coupond.refusal AS r
                    WHERE coupon_id = $1 AND NOT EXISTS (
                        SELECT FROM coupond.coupon_issue AS i
                        WHERE i.coupon_id = $1 AND i.user_id = r.user_id)
                    ORDER BY user_id, epoch DESC, n DESC, sequence DESC)
                """, .integer(coupon.id.rawValue)))
        var holders: [LoadedHolder] = []
        holders.reserveCapacity(Int(coupon.issued))
        while true {
            let rows = try run(Statement("FETCH \(Self.holdersPerFetch) FROM holder"))
            if rows.count == 0 { return holders }
            for row in 0..<rows.count {
                holders.append(
                    LoadedHolder(
                        user: UserID(rows.integer(row, 0)),
                        holder: GateHolder(
                            sequence: rows.integer(row, 1), position: .zero,
                            requestID: rows.requestID(row, 2),
                            rejection: rows.isNull(row, 3) ? nil : try rows.reason(row, 3))))
            }
        }
    }
}
