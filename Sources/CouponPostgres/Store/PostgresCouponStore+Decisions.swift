/// What PostgreSQL knows of requests: one statement, and so one snapshot, for each answer.
public import CouponCore

extension PostgresCouponStore {
    /// What PostgreSQL knows of these requests, and the cursor, in one snapshot (rule 36).
    ///
    /// A user's issue answers every request of that user; a rejection only the request that it names.
    public func decisions(
        _ questions: [AcceptedRequest], in partition: PartitionID
    ) throws(BackendError) -> Decisions {
        let rows = try session.run(
            Statement(
                """
                SELECT p.cursor_epoch, p.cursor_n, i.sequence, i.request_id, i.issued_at,
                    q.sequence, q.request_id, (
                        SELECT max(r.reason) FROM coupond.rejection AS r
                        WHERE i.user_id IS NULL AND r.coupon_id = q.coupon_id
                            AND r.user_id = q.user_id AND r.sequence = q.sequence
                            AND r.request_id = q.request_id)
                FROM coupond.partition AS p
                LEFT JOIN unnest($2, $3, $4, $5) WITH ORDINALITY
                    AS q (coupon_id, user_id, sequence, request_id, number) ON true
                LEFT JOIN coupond.coupon_issue AS i
                    ON i.coupon_id = q.coupon_id AND i.user_id = q.user_id
                WHERE p.id = $1 ORDER BY q.number
                """, .integer(Int64(partition.rawValue)),
                .integers(questions.map(\.coupon.rawValue)),
                .integers(questions.map(\.user.rawValue)), .integers(questions.map(\.sequence)),
                .requestIDs(questions.map(\.requestID))))
        guard rows.count > 0 else { throw .noPartition(partition) }
        return Decisions(
            cursor: rows.position(0, 0),
            standings: questions.indices.map { rows.standing($0, at: 2) })
    }
}

extension Rows {
    /// An issue's sequence, request id and moment; a rejection's sequence, request id and reason.
    func standing(_ row: Int, at column: Int) -> UserStanding? {
        if !isNull(row, column) {
            return .issued(
                sequence: number(row, column), requestID: requestID(row, column + 1),
                at: timestamp(row, column + 2))
        }
        if isNull(row, column + 5) { return nil }
        return .rejected(
            sequence: number(row, column + 3), requestID: requestID(row, column + 4),
            reason: reason(row, column + 5))
    }
}
