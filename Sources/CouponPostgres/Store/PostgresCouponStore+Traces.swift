/// All that PostgreSQL has of a user and a coupon: statements that each follow an index and stop after some
/// rows, in one snapshot and one round trip.
public import CouponCore

extension PostgresCouponStore {
    /// All that PostgreSQL has of a user and a coupon.
    public func traces(
        of user: CouponUser, in partition: PartitionID
    ) throws(BackendError) -> UserTraces {
        var (found, coupon) = (Found(), Result<Coupon?, BackendError>.success(nil))
        var letters: [Result<DecidedLetter, BackendError>] = []
        do throws(BackendError) {
            _ = try session.run(Self.questions(about: user, in: partition)) { number, rows in
                switch number {
                case 1: found.partition = rows.count == 1 ? rows.partition(0) : nil
                case 2:
                    coupon = Result { () throws(BackendError) in
                        try rows.count == 1 ? rows.coupon(0) : nil
                    }
                case 3: found.issue = rows.count == 1 ? rows.issue(0, of: user.user) : nil
                case 4: found.rejections = (0..<rows.count).map { rows.rejection($0) }
                case 5:
                    for row in 0..<rows.count {
                        letters.append(
                            Result { () throws(BackendError) in try rows.decidedLetter(row) })
                    }
                case 6: found.hasUnreadable = rows.boolean(0, 0)
                case 7: found.trail = rows.trailLines()
                default: break
                }
            }
        } catch {
            session.rollBack()
            throw error
        }
        guard let row = found.partition else { throw .noPartition(partition) }
        var decided: [DecidedLetter] = []
        for letter in letters { decided.append(try letter.get()) }
        return UserTraces(
            partition: row, coupon: try coupon.get(), issue: found.issue,
            rejections: found.rejections, letters: decided, hasUnreadable: found.hasUnreadable,
            trail: found.trail)
    }

    private struct Found {
        var partition: PartitionRow?
        var issue: Issue?
        var rejections: [RejectionTrace] = []
        var hasUnreadable = false
        var trail: [TrailLine] = []
    }

    /// The subqueries keep the planner to the index by coupon and user: by its statistics it might walk over
    /// all rows in the order that is asked for.
    private static func questions(
        about user: CouponUser, in partition: PartitionID
    ) -> [Statement] {
        let ids = (Parameter.integer(user.coupon.rawValue), Parameter.integer(user.user.rawValue))
        let limit = Parameter.integer(Int64(UserTraces.limit))
        return [
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            Statement(
                """
                SELECT \(PartitionRow.columns) FROM coupond.partition AS p
                CROSS JOIN coupond.installation WHERE p.id = $1
                """, .integer(Int64(partition.rawValue))),
            Statement("SELECT \(Coupon.columns) FROM coupond.coupon WHERE id = $1", ids.0),
            Statement(
                """
                SELECT sequence, request_id, accepted_at, issued_at
                FROM coupond.coupon_issue WHERE coupon_id = $1 AND user_id = $2
                """, ids.0, ids.1),
            Statement(
                """
                SELECT sequence, request_id, reason, rejected_at, epoch, n FROM (
                    SELECT * FROM coupond.issue_rejection
                    WHERE coupon_id = $1 AND user_id = $2 OFFSET 0) AS r
                ORDER BY epoch DESC, n DESC, sequence DESC LIMIT $3
                """, ids.0, ids.1, limit),
            Statement(
                """
                SELECT \(letterColumns), decided_at FROM (
                    SELECT * FROM coupond.dead_letter
                    WHERE coupon_id = $1 AND user_id = $2 OFFSET 0) AS l
                ORDER BY id DESC LIMIT $3
                """, ids.0, ids.1, limit),
            Statement(
                """
                SELECT EXISTS (
                    SELECT FROM coupond.dead_letter WHERE partition = $1 AND user_id IS NULL)
                """, .integer(Int64(partition.rawValue))),
            trail(of: user.coupon, before: .integer(.max), limit: limit),
            "COMMIT",
        ]
    }
}

extension Rows {
    fileprivate func issue(_ row: Int, of user: UserID) -> Issue {
        Issue(
            user: user, sequence: number(row, 0), requestID: requestID(row, 1),
            acceptedAt: timestamp(row, 2), issuedAt: timestamp(row, 3))
    }

    fileprivate func rejection(_ row: Int) -> RejectionTrace {
        RejectionTrace(
            sequence: number(row, 0), requestID: requestID(row, 1), reason: reason(row, 2),
            position: position(row, 4), at: timestamp(row, 3))
    }

    fileprivate func decidedLetter(_ row: Int) throws(BackendError) -> DecidedLetter {
        DecidedLetter(
            letter: try deadLetter(row), decidedAt: isNull(row, 10) ? nil : timestamp(row, 10))
    }
}
