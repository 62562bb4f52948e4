/// What PostgreSQL knows of many coupons and users: two prepared statements in one round trip.
public import CouponCore

extension PostgresCouponStore {
    /// All that PostgreSQL knows of the questions. A row that cannot be read is an error of its question
    /// only.
    public func statusRows(
        _ questions: [StatusQuestion], _ partitioning: Partitioning, during work: () -> Void
    ) throws(BackendError) -> StatusRows {
        let coupons = Set(questions.map(\.coupon))
        var rows = StatusRows(coupons: [:], standings: [], partitions: [:])
        let standings = try session.run(
            [Self.coupons(Array(coupons), partitioning), Self.standings(questions)], during: work
        ) { _, result in
            for row in 0..<result.count {
                let partition = result.partition(row)
                rows.partitions[partition.id] = partition
                if result.isNull(row, PartitionRow.columnCount) { continue }
                let coupon = CouponID(result.integer(row, PartitionRow.columnCount))
                rows.coupons[coupon] = Result { () throws(BackendError) in
                    try result.coupon(row, at: PartitionRow.columnCount)
                }
            }
        }
        rows.standings = standings.standings(questions.count)
        return rows
    }

    /// What PostgreSQL knows of users and coupons, in order: the issue, else the latest rejection.
    public func standings(of users: [CouponUser]) throws(BackendError) -> [UserStanding?] {
        let questions = users.map { StatusQuestion(coupon: $0.coupon, user: $0.user) }
        let found = try session.run(Self.standings(questions)).standings(users.count)
        var standings: [UserStanding?] = []
        for standing in found { standings.append(try standing.get()) }
        return standings
    }

    /// The partition of each coupon, and the coupon if it exists.
    private static func coupons(
        _ coupons: [CouponID], _ partitioning: Partitioning
    ) -> Statement {
        Statement(
            """
            SELECT \(PartitionRow.columns), \(Coupon.columns(of: "c"))
            FROM unnest($1, $2) AS q (coupon_id, partition_id)
            JOIN coupond.partition AS p ON p.id = q.partition_id CROSS JOIN coupond.installation
            LEFT JOIN coupond.coupon AS c ON c.id = q.coupon_id
            """, isPrepared: true, .integers(coupons.map(\.rawValue)),
            .integers(coupons.map { Int64(partitioning.partition(of: $0).rawValue) }))
    }

    /// The issue, else the latest rejection, of each question that has one. The LIMITs keep the planner to
    /// one look into each index for each question, whatever its statistics say.
    private static func standings(_ questions: [StatusQuestion]) -> Statement {
        Statement(
            """
            SELECT q.number, i.sequence, i.request_id, i.issued_at,
                r.sequence, r.request_id, r.reason
            FROM unnest($1, $2) WITH ORDINALITY AS q (coupon_id, user_id, number)
            LEFT JOIN LATERAL (
                SELECT sequence, request_id, issued_at FROM coupond.coupon_issue
                WHERE coupon_id = q.coupon_id AND user_id = q.user_id LIMIT 1) AS i ON true
            LEFT JOIN LATERAL (
                SELECT sequence, request_id, reason FROM coupond.rejection
                WHERE i.sequence IS NULL AND coupon_id = q.coupon_id AND user_id = q.user_id
                ORDER BY epoch DESC, n DESC, sequence DESC LIMIT 1) AS r ON true
            WHERE i.sequence IS NOT NULL OR r.sequence IS NOT NULL
            """, isPrepared: true, .integers(questions.map(\.coupon.rawValue)),
            .integers(questions.map(\.user?.rawValue)))
    }
}

extension Rows {
    /// One standing for each question. Each row begins with the number of its question, from 1.
    fileprivate func standings(_ questions: Int) -> [Result<UserStanding?, BackendError>] {
        var standings = [Result<UserStanding?, BackendError>](
            repeating: .success(nil), count: questions)
        for row in 0..<count {
            standings[Int(integer(row, 0)) - 1] = .success(standing(row, at: 1))
        }
        return standings
    }
}
