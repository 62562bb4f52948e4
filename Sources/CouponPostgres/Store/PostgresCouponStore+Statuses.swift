/// What PostgreSQL knows of many coupons and users: three prepared statements in one round trip.
public import CouponCore

extension PostgresCouponStore {
    /// All that PostgreSQL knows of the questions. What cannot be read of one row is that row's error.
    public func statusRows(
        _ questions: [StatusQuestion], _ partitioning: Partitioning
    ) throws(LedgerError) -> StatusRows {
        let coupons = Set(questions.map(\.coupon))
        let partitions = Set(coupons.map { partitioning.partition(of: $0) })
        var rows = StatusRows(coupons: [:], standings: [], partitions: [:])
        let standings = try session.run([
            Self.coupons(coupons), Self.partitions(partitions), Self.standings(questions),
        ]) { number, result in
            for row in 0..<result.count {
                if number == 0 {
                    rows.coupons[CouponID(result.integer(row, 0))] = Result {
                        () throws(LedgerError) in try result.coupon(row)
                    }
                } else {
                    let partition = result.partition(row)
                    rows.partitions[partition.id] = partition
                }
            }
        }
        rows.standings.reserveCapacity(questions.count)
        for row in 0..<standings.count {
            rows.standings.append(
                Result { () throws(LedgerError) in try standings.standing(row, at: 0) })
        }
        return rows
    }

    private static func coupons(_ coupons: Set<CouponID>) -> Statement {
        Statement(
            "SELECT \(Coupon.columns) FROM coupond.coupon WHERE id = ANY ($1)", isPrepared: true,
            .integers(coupons.map(\.rawValue)))
    }

    private static func partitions(_ partitions: Set<PartitionID>) -> Statement {
        Statement(
            """
            SELECT \(PartitionRow.columns)
            FROM coupond.partition AS p CROSS JOIN coupond.installation WHERE p.id = ANY ($1)
            """, isPrepared: true, .integers(partitions.map { Int64($0.rawValue) }))
    }

    /// For each question the issue, else the latest rejection, in order. The LIMITs keep the planner to one
    /// look into each index for each question, whatever it believes of the tables.
    private static func standings(_ questions: [StatusQuestion]) -> Statement {
        Statement(
            """
            SELECT i.sequence, i.request_id, i.issued_at, r.sequence, r.request_id, r.reason
            FROM unnest($1, $2) WITH ORDINALITY AS q (coupon_id, user_id, number)
            LEFT JOIN LATERAL (
                SELECT sequence, request_id, issued_at FROM coupond.coupon_issue
                WHERE coupon_id = q.coupon_id AND user_id = q.user_id LIMIT 1) AS i ON true
            LEFT JOIN LATERAL (
                SELECT sequence, request_id, reason FROM coupond.rejection
                WHERE i.sequence IS NULL AND coupon_id = q.coupon_id AND user_id = q.user_id
                ORDER BY epoch DESC, n DESC, sequence DESC LIMIT 1) AS r ON true
            ORDER BY q.number
            """, isPrepared: true, .integers(questions.map(\.coupon.rawValue)),
            .integers(questions.map(\.user?.rawValue)))
    }
}
