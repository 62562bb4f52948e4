/// The tables' side of the accounts of coupons. Counts are bounded; beyond the bounds nothing is judged.
public import CouponCore

extension PostgresCouponStore: AuditStore {
    /// The tables' side of the accounts, one snapshot for all; missing ones are left out.
    public func accounts(
        of coupons: [CouponID], _ bounds: AccountsBounds
    ) throws(BackendError) -> [LedgerAccounts] {
        if coupons.isEmpty { return [] }
        return try accounts(
            where: "id = ANY ($4) ORDER BY id", .integers(coupons.map(\.rawValue)), bounds)
    }

    /// The same for the coupons with an id above `after`, by id, that are not archived.
    public func accounts(
        after: CouponID, limit: Int, _ bounds: AccountsBounds
    ) throws(BackendError) -> [LedgerAccounts] {
        try accounts(
            where: "id > $4 AND archived_at IS NULL ORDER BY id LIMIT \(limit)",
            .integer(after.rawValue), bounds)
    }

    /// `ORDER BY user_id` makes PostgreSQL use the indexes by coupon: a bounded count must not walk over
    /// other rows.
    private func accounts(
        where condition: String, _ parameter: Parameter, _ bounds: AccountsBounds
    ) throws(BackendError) -> [LedgerAccounts] {
        let rows = try session.run(
            Statement(
                """
                SELECT \(Coupon.columns), epoch, cursor_epoch, cursor_n, rejected, held, discarded,
                    unsynced, unreadable, counted, lowest, highest, repeated,
                    rejected <= $2 AND letters <= $2
                FROM (SELECT \(Coupon.columns) FROM coupond.coupon WHERE \(condition)) AS c
                JOIN (SELECT id AS partition_id, epoch, cursor_epoch, cursor_n
                    FROM coupond.partition) AS p ON partition_id = c.id % $1
                CROSS JOIN LATERAL (SELECT count(*) AS rejected FROM (
                    SELECT FROM coupond.issue_rejection WHERE coupon_id = c.id
                    ORDER BY user_id LIMIT $2 + 1) AS r) AS r
                CROSS JOIN LATERAL (SELECT count(*) AS letters,
                    count(*) FILTER (WHERE letter = 1) AS held,
                    count(*) FILTER (WHERE letter = 3) AS discarded,
                    count(*) FILTER (WHERE letter = 3 AND NOT synced) AS unsynced FROM (
                        SELECT state AS letter, synced FROM coupond.dead_letter
                        WHERE coupon_id = c.id AND user_id IS NOT NULL
                        ORDER BY user_id LIMIT $2 + 1) AS d) AS d
                CROSS JOIN LATERAL (SELECT count(*) AS unreadable FROM (
                    SELECT FROM coupond.dead_letter WHERE partition = partition_id
                        AND user_id IS NULL LIMIT 1) AS u) AS u
                CROSS JOIN LATERAL (
                    SELECT CASE WHEN c.issued <= $3 THEN coalesce(sum(holders), 0)::int8 END
                            AS counted,
                        min(sequence) AS lowest, max(sequence) AS highest,
                        coalesce(sum(holders) FILTER (WHERE holders > 1), 0)::int8 AS repeated
                    FROM (
                        SELECT sequence, count(*) AS holders FROM coupond.coupon_issue
                        WHERE coupon_id = c.id AND c.issued <= $3 GROUP BY sequence) AS s) AS i
                ORDER BY c.id
                """, .integer(Int64(partitioning.count)), .integer(bounds.rejections),
                .integer(bounds.rows), parameter))
        var accounts: [LedgerAccounts] = []
        for row in 0..<rows.count { accounts.append(try rows.accounts(row)) }
        return accounts
    }

    /// Counts a coupon's rows in the order of their users, `limit` at most.
    public func rows(
        of coupon: CouponID, after: UserID, limit: Int
    ) throws(BackendError) -> RowSlice {
        let rows = try session.run(
            Statement(
                """
                SELECT count(*), max(user_id), coalesce(
                    (SELECT issued FROM coupond.coupon WHERE id = $1), 0)
                FROM (SELECT user_id FROM coupond.coupon_issue
                    WHERE coupon_id = $1 AND user_id > $2 ORDER BY user_id LIMIT $3) AS s
                """, .integer(coupon.rawValue), .integer(after.rawValue), .integer(Int64(limit))))
        return RowSlice(
            count: rows.integer(0, 0), last: rows.optionalInteger(0, 1).map { UserID($0) },
            issued: rows.integer(0, 2))
    }

    /// Ranges of sequences without a row, up to the last decided one; `limit` ranges at most. Reads every row
    /// of the coupon.
    public func missingSequences(
        of coupon: CouponID, limit: Int
    ) throws(BackendError) -> [ClosedRange<Int64>] {
        let rows = try session.run(
            Statement(
                """
                SELECT previous + 1, sequence - 1 FROM (
                    SELECT sequence, lag(sequence, 1, 0::int8) OVER (ORDER BY sequence) AS previous
                    FROM (
                        SELECT sequence FROM coupond.coupon_issue WHERE coupon_id = $1
                        UNION SELECT sequence FROM coupond.issue_rejection WHERE coupon_id = $1
                        UNION SELECT sequence FROM coupond.dead_letter
                            WHERE coupon_id = $1 AND sequence IS NOT NULL
                        UNION SELECT last_sequence + 1 FROM coupond.coupon WHERE id = $1) AS s
                    ) AS g
                WHERE sequence > previous + 1 ORDER BY sequence LIMIT $2
                """, .integer(coupon.rawValue), .integer(Int64(limit))))
        return (0..<rows.count).map { rows.integer($0, 0)...rows.integer($0, 1) }
    }

    /// Adds a coupon to the outbox, due now, so that the gate gets it again. It locks the row of the outbox
    /// before the coupon, as changes and `resync` do: in the other order they would wait for each other.
    public func requestResync(_ coupon: CouponID, above version: Int64?) throws(BackendError) {
        do throws(BackendError) {
            _ = try session.run(
                "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
                Statement(
                    """
                    INSERT INTO coupond.gate_outbox (coupon_id, added_at)
                    VALUES ($1, now() - interval '1 minute')
                    ON CONFLICT (coupon_id) DO UPDATE SET added_at = excluded.added_at
                    WHERE gate_outbox.added_at > now()
                    """, .integer(coupon.rawValue)),
                Statement(
                    """
                    UPDATE coupond.coupon SET version = greatest(version, $2) + 1
                    WHERE id = $1 AND $2 IS NOT NULL
                    """, .integer(coupon.rawValue), .integer(version)),
                "COMMIT")
        } catch {
            session.rollBack()
            throw error
        }
    }
}

extension Rows {
    fileprivate func accounts(_ row: Int) throws(BackendError) -> LedgerAccounts {
        let start = Coupon.columnCount
        let counted = optionalInteger(row, start + 8).map { count in
            IssuedRows(
                count: count, lowest: optionalInteger(row, start + 9),
                highest: optionalInteger(row, start + 10), repeated: integer(row, start + 11))
        }
        return LedgerAccounts(
            coupon: try coupon(row), epoch: integer(row, start),
            cursor: position(row, start + 1), rows: counted, rejected: integer(row, start + 3),
            deadLettered: integer(row, start + 4), discarded: integer(row, start + 5),
            unsynced: integer(row, start + 6), unreadable: integer(row, start + 7),
            isComplete: boolean(row, start + 12))
    }
}
