/// What an issuing transaction writes: one statement for each table, one array for each column.
internal import CouponCore

extension Statement {
    /// Issues. `now()` is one value for the whole transaction.
    static func insert(_ candidates: ArraySlice<BatchDecision.Candidate>) -> Statement {
        Statement(
            """
            INSERT INTO coupond.coupon_issue
                (coupon_id, user_id, sequence, request_id, accepted_at, issued_at)
            SELECT coupon_id, user_id, sequence, request_id, accepted_at, now()
            FROM unnest($1, $2, $3, $4, $5)
                AS r (coupon_id, user_id, sequence, request_id, accepted_at)
            ON CONFLICT DO NOTHING
            """,
            .integers(candidates.map(\.accepted.coupon.rawValue)),
            .integers(candidates.map(\.accepted.user.rawValue)),
            .integers(candidates.map(\.accepted.sequence)),
            .requestIDs(candidates.map(\.accepted.requestID)),
            .timestamps(candidates.map(\.acceptedAt)))
    }

    /// Issues, or an error that blames the data. A candidate whose row exists raises an error by itself. A
    /// candidate that a trigger skips does not, and SQL has no assertion: so a missing row divides by zero.
    static func insertAllOrFail(_ candidates: [BatchDecision.Candidate]) -> Statement {
        Statement(
            """
            WITH inserted AS (
                INSERT INTO coupond.coupon_issue
                    (coupon_id, user_id, sequence, request_id, accepted_at, issued_at)
                SELECT coupon_id, user_id, sequence, request_id, accepted_at, now()
                FROM unnest($1, $2, $3, $4, $5)
                    AS r (coupon_id, user_id, sequence, request_id, accepted_at)
                RETURNING 1)
            SELECT 1 / (count(*) = $6)::int FROM inserted
            """, isPrepared: true,
            .integers(candidates.map(\.accepted.coupon.rawValue)),
            .integers(candidates.map(\.accepted.user.rawValue)),
            .integers(candidates.map(\.accepted.sequence)),
            .requestIDs(candidates.map(\.accepted.requestID)),
            .timestamps(candidates.map(\.acceptedAt)), .integer(Int64(candidates.count)))
    }

    /// The rows that candidates have already: number of the candidate from 1, sequence, request id.
    static func find(_ candidates: [BatchDecision.Candidate]) -> Statement {
        Statement(
            """
            SELECT r.number, i.sequence, i.request_id
            FROM unnest($1, $2) WITH ORDINALITY AS r (coupon_id, user_id, number)
            JOIN coupond.coupon_issue AS i USING (coupon_id, user_id)
            ORDER BY r.number
            """,
            .integers(candidates.map(\.accepted.coupon.rawValue)),
            .integers(candidates.map(\.accepted.user.rawValue)))
    }

    /// Rejections. An existing one stays: somebody may have set the cursor back by hand.
    static func insert(_ rejections: [Rejection], of partition: PartitionID) -> Statement {
        Statement(
            """
            INSERT INTO coupond.issue_rejection
                (partition, epoch, n, coupon_id, user_id, sequence, request_id, reason)
            SELECT $1, r.* FROM unnest($2, $3, $4, $5, $6, $7, $8) AS r
            ON CONFLICT DO NOTHING
            """,
            .integer(Int64(partition.rawValue)),
            .integers(rejections.map(\.position.epoch)),
            .integers(rejections.map(\.position.n)),
            .integers(rejections.map(\.accepted.coupon.rawValue)),
            .integers(rejections.map(\.accepted.user.rawValue)),
            .integers(rejections.map(\.accepted.sequence)),
            .requestIDs(rejections.map(\.accepted.requestID)),
            .integers(rejections.map { Int64($0.reason.rawValue) }))
    }

    /// Dead letters. Existing ones stay too.
    static func insert(_ letters: [NewDeadLetter], of partition: PartitionID) -> Statement {
        Statement(
            """
            INSERT INTO coupond.dead_letter
                (partition, epoch, n, coupon_id, user_id, sequence, request_id, accepted_at, bytes,
                error)
            SELECT $1, r.* FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10) AS r
            ON CONFLICT DO NOTHING
            """,
            .integer(Int64(partition.rawValue)),
            .integers(letters.map(\.position.epoch)),
            .integers(letters.map(\.position.n)),
            .integers(letters.map(\.accepted?.coupon.rawValue)),
            .integers(letters.map(\.accepted?.user.rawValue)),
            .integers(letters.map(\.accepted?.sequence)),
            .requestIDs(letters.map(\.accepted?.requestID)),
            .timestamps(letters.map(\.acceptedAt)),
            .byteStrings(letters.map(\.bytes)),
            .texts(letters.map(\.error)))
    }

    /// The coupons as the decision left them; their rows are locked.
    static func update(_ coupons: [Coupon]) -> Statement {
        Statement(
            """
            UPDATE coupond.coupon AS c
            SET issued = r.issued, last_sequence = greatest(c.last_sequence, r.last_sequence),
                version = r.version
            FROM unnest($1, $2, $3, $4) AS r (id, issued, last_sequence, version)
            WHERE c.id = r.id
            """, isPrepared: true,
            .integers(coupons.map(\.id.rawValue)), .integers(coupons.map(\.issued)),
            .integers(coupons.map(\.lastSequence)), .integers(coupons.map(\.version)))
    }
}
