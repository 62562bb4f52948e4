/// Reads the holders that a load brings to the gate (rules 30 and 32), page by page: there may be ten
/// million.
///
/// A letter whose decision the gate does not know yet keeps its slot, and an issue that came from it is left
/// out: the gate gets the decision after the load. If the user of a discarded letter was accepted again, the
/// gate knew the decision, although PostgreSQL does not know that: the letter has no slot.
public import CouponCore

extension Session {
    func marks(of coupons: [CouponID]) throws(BackendError) -> [LoadMarks] {
        let rows = try run(
            Statement(
                """
                SELECT \(Coupon.columns), held, redriven, discarded
                FROM coupond.coupon AS c CROSS JOIN LATERAL (
                    SELECT count(*) FILTER (WHERE state = 1) AS held,
                        count(*) FILTER (WHERE state = 2) AS redriven
                    FROM coupond.dead_letter WHERE coupon_id = c.id AND user_id IS NOT NULL
                        AND (state = 1 OR NOT synced)) AS l
                CROSS JOIN LATERAL (
                    SELECT count(*) AS discarded FROM coupond.dead_letter AS d
                    WHERE coupon_id = c.id AND user_id IS NOT NULL
                        AND state = 3 AND NOT synced AND NOT \(Self.isAcceptedAgain)) AS d
                WHERE id = ANY ($1) ORDER BY id
                """, .integers(coupons.map(\.rawValue))))
        var marks: [LoadMarks] = []
        for row in 0..<rows.count {
            let start = Coupon.columnCount
            marks.append(
                LoadMarks(
                    coupon: try rows.coupon(row), held: rows.integer(row, start),
                    redriven: rows.integer(row, start + 1), discarded: rows.integer(row, start + 2))
            )
        }
        return marks
    }

    func holders(
        of coupon: CouponID, after place: HolderPlace, limit: Int
    ) throws(BackendError) -> HolderPage {
        guard let statement = Self.page(of: coupon, after: place, limit: limit) else {
            return HolderPage(holders: [], end: .end)
        }
        return try run(statement).page(after: place, limit: limit)
    }

    /// The next holders of a coupon; nil after the last ones.
    ///
    /// Rejections and letters are read in the order of an index, `limit` of each, and not sorted. Those of
    /// users who have an issue are left out afterwards, so that no statement has to search millions of them
    /// for the others.
    static func page(of coupon: CouponID, after place: HolderPlace, limit: Int) -> Statement? {
        switch place {
        case .refused(let user):
            Statement(
                """
                WITH r AS (
                    SELECT \(ofRejection) WHERE coupon_id = $1 AND user_id > $2
                    ORDER BY user_id LIMIT $3),
                l AS (
                    SELECT \(ofLetter) WHERE coupon_id = $1 AND user_id > $2
                    ORDER BY user_id LIMIT $3),
                -- The last user up to whom both lists are whole; null if all rows were read.
                e AS (
                    SELECT min(last) AS last FROM (
                        SELECT max(user_id) AS last FROM r HAVING count(*) >= $3
                        UNION ALL SELECT max(user_id) FROM l HAVING count(*) >= $3) AS ends)
                SELECT user_id, sequence, request_id, reason, coupon_id, e.last IS NOT NULL,
                    i.issued IS NOT NULL AND user_id NOT IN (\(redrivenUsers)), keeps_slot
                FROM (SELECT *, $1::bigint AS coupon_id FROM (
                    SELECT * FROM r UNION ALL SELECT * FROM l
                    -- The limit may have cut off the latest row of the last user: it is read here.
                    UNION ALL (
                        SELECT \(ofRejection)
                        WHERE coupon_id = $1 AND user_id = (SELECT max(user_id) FROM r)
                        ORDER BY \(latestFirst) LIMIT 1)
                    UNION ALL (
                        SELECT \(ofLetter)
                        WHERE coupon_id = $1 AND user_id = (SELECT max(user_id) FROM l)
                        ORDER BY \(heldFirst) LIMIT 1)
                    ) AS found) AS s
                CROSS JOIN e \(issueOfUser)
                WHERE e.last IS NULL OR user_id <= e.last
                ORDER BY user_id, \(heldFirst)
                """, .integer(coupon.rawValue), .integer(user.rawValue), .integer(Int64(limit)))
        case .issued(let user):
            Statement(
                """
                SELECT user_id, sequence, request_id, NULL::smallint
                FROM coupond.coupon_issue WHERE coupon_id = $1 AND user_id > $2
                    AND user_id NOT IN (\(redrivenUsers))
                ORDER BY user_id LIMIT $3
                """, .integer(coupon.rawValue), .integer(user.rawValue), .integer(Int64(limit)))
        case .end: nil
        }
    }

    func holders(
        of coupons: [CouponID], limit: Int
    ) throws(BackendError) -> [CouponID: [LoadedHolder]]? {
        let ids = Parameter.integers(coupons.map(\.rawValue))
        let most = Parameter.integer(Int64(limit) + 1)
        let issues = try run(Statement(Self.issuesOfMany, ids, most))
        if issues.count > limit { return nil }
        let others = try run(Statement(Self.rejectionsOfMany, ids, most))
        // More rows than that are read page by page, whether or not they are of users to load.
        if issues.count + others.count > limit { return nil }
        var found: [CouponID: [LoadedHolder]] = [:]
        for row in 0..<issues.count {
            found[CouponID(issues.integer(row, 4)), default: []].append(issues.holder(row))
        }
        for (coupon, holder) in others.rejected() { found[coupon, default: []].append(holder) }
        return found
    }

    private static let latestFirst = "epoch DESC, n DESC, sequence DESC"

    /// A letter that was not discarded goes before later rejections of its user: the decision on it changes
    /// the holder with its sequence. A discarded one counts only if it is the latest.
    private static let heldFirst = "is_held DESC, \(latestFirst)"

    private static let ofRejection = """
        user_id, sequence, request_id, reason, epoch, n, false AS is_held, false AS keeps_slot
        FROM coupond.issue_rejection
        """

    /// The reason is null if the letter is not a rejection: its user has the coupon.
    private static let ofLetter = """
        user_id, sequence, request_id,
            (CASE WHEN \(isHeld) THEN 4 WHEN state = 3 THEN 5 END)::smallint AS reason,
            epoch, n, \(isHeld) AS is_held, state = 3 AND NOT synced AS keeps_slot
        FROM coupond.dead_letter
        """

    /// Whether the gate must have a letter as held: it was not decided, or was redriven without the gate
    /// knowing it yet.
    private static let isHeld = "(state = 1 OR (state = 2 AND NOT synced))"

    /// Whether the user of the letter `d` was accepted with another request, later as far as is known. The
    /// limit keeps the planner from reading all issues at once.
    private static let isAcceptedAgain = """
        ((SELECT true FROM coupond.coupon_issue
            WHERE coupon_id = d.coupon_id AND user_id = d.user_id LIMIT 1) IS NOT NULL
        OR EXISTS (SELECT FROM coupond.issue_rejection
            WHERE coupon_id = d.coupon_id AND user_id = d.user_id
                AND (epoch, n, sequence) > (d.epoch, d.n, d.sequence))
        OR EXISTS (SELECT FROM coupond.dead_letter
            WHERE coupon_id = d.coupon_id AND user_id = d.user_id
                AND (\(isHeld) OR (epoch, n, sequence) > (d.epoch, d.n, d.sequence))))
        """

    /// Users whose letter was redriven without the gate knowing it yet. The index `dead_letter_held` finds
    /// them.
    private static let redrivenUsers = """
        SELECT user_id FROM coupond.dead_letter
        WHERE coupon_id = $1 AND state = 2 AND NOT synced AND user_id IS NOT NULL
        """

    /// Looks up the issue of each user in `s`. The limit keeps the planner from reading all issues at once.
    private static let issueOfUser = """
        LEFT JOIN LATERAL (
            SELECT 1 AS issued FROM coupond.coupon_issue
            WHERE coupon_id = s.coupon_id AND user_id = s.user_id LIMIT 1) AS i ON true
        """

    private static let redrivenUsersOfMany = """
        SELECT coupon_id, user_id FROM coupond.dead_letter
        WHERE coupon_id = ANY ($1) AND state = 2 AND NOT synced AND user_id IS NOT NULL
        """

    private static let issuesOfMany = """
        SELECT user_id, sequence, request_id, NULL::smallint, coupon_id
        FROM coupond.coupon_issue WHERE coupon_id = ANY ($1)
            AND (coupon_id, user_id) NOT IN (\(redrivenUsersOfMany))
        LIMIT $2
        """

    /// `ORDER BY user_id` makes PostgreSQL use the indexes by coupon and user.
    private static let rejectionsOfMany = """
        SELECT user_id, sequence, request_id, reason, coupon_id, false,
            i.issued IS NOT NULL AND (coupon_id, user_id) NOT IN (\(redrivenUsersOfMany)),
            keeps_slot
        FROM (
            SELECT c.id AS coupon_id, f.*
            FROM unnest($1) AS c (id) CROSS JOIN LATERAL (
                (SELECT \(ofRejection) WHERE coupon_id = c.id ORDER BY user_id LIMIT $2)
                UNION ALL (
                    SELECT \(ofLetter) WHERE coupon_id = c.id AND user_id IS NOT NULL
                    ORDER BY user_id LIMIT $2)) AS f
            LIMIT $2) AS s \(issueOfUser)
        ORDER BY coupon_id, user_id, \(heldFirst)
        """
}

extension Rows {
    /// The result of `Session.page`.
    func page(after place: HolderPlace, limit: Int) -> HolderPage {
        if case .refused = place {
            let isMore = count > 0 && boolean(0, 5)
            return HolderPage(
                holders: rejected().map(\.holder),
                end: isMore ? .refused(UserID(integer(count - 1, 0))) : .issued(UserID(0)))
        }
        var holders: [LoadedHolder] = []
        holders.reserveCapacity(count)
        for row in 0..<count { holders.append(holder(row)) }
        let last = holders.count >= limit ? holders.last?.user : nil
        return HolderPage(holders: holders, end: last.map { .issued($0) } ?? .end)
    }

    /// The first rejection of each user without an issue, from rows by coupon and user.
    fileprivate func rejected() -> [(coupon: CouponID, holder: LoadedHolder)] {
        var found: [(coupon: CouponID, holder: LoadedHolder)] = []
        for row in 0..<count where !isNull(row, 3) && !boolean(row, 6) {
            let (coupon, user) = (CouponID(integer(row, 4)), UserID(integer(row, 0)))
            if let last = found.last, last.coupon == coupon, last.holder.user == user { continue }
            found.append((coupon, holder(row, keepsSlot: boolean(row, 7))))
        }
        return found
    }

    /// User, sequence, request id, and the reason of a rejection.
    fileprivate func holder(_ row: Int, keepsSlot: Bool = false) -> LoadedHolder {
        LoadedHolder(
            user: UserID(integer(row, 0)),
            holder: GateHolder(
                sequence: number(row, 1), position: .zero, requestID: requestID(row, 2),
                rejection: isNull(row, 3) ? nil : reason(row, 3), keepsSlot: keepsSlot))
    }
}

extension PostgresLedger {
    /// Marks of coupons, by id.
    public func marks(of coupons: [CouponID]) throws(BackendError) -> [LoadMarks] {
        try session.marks(of: coupons)
    }

    /// The next holders of a coupon.
    public func holders(
        of coupon: CouponID, after place: HolderPlace, limit: Int
    ) throws(BackendError) -> HolderPage {
        try session.holders(of: coupon, after: place, limit: limit)
    }

    /// All holders of several coupons; nil if they are more than `limit`.
    public func holders(
        of coupons: [CouponID], limit: Int
    ) throws(BackendError) -> [CouponID: [LoadedHolder]]? {
        try session.holders(of: coupons, limit: limit)
    }
}

extension PostgresCouponStore {
    /// Marks of coupons, by id.
    public func marks(of coupons: [CouponID]) throws(BackendError) -> [LoadMarks] {
        try session.marks(of: coupons)
    }

    /// The next holders of a coupon.
    public func holders(
        of coupon: CouponID, after place: HolderPlace, limit: Int
    ) throws(BackendError) -> HolderPage {
        try session.holders(of: coupon, after: place, limit: limit)
    }

    /// A page of a load, which may have been read in advance.
    public func holders(_ question: PageQuestion) throws(BackendError) -> HolderPage {
        if pageAhead?.question == question {
            session.finish()
            if let page = pageAhead?.page {
                pageAhead = nil
                return page
            }
        }
        return try session.holders(
            of: question.coupon, after: question.place, limit: question.limit)
    }

    /// Sends the question for a page.
    public func readAhead(_ question: PageQuestion) {
        let (place, limit) = (question.place, question.limit)
        guard let statement = Session.page(of: question.coupon, after: place, limit: limit) else {
            return
        }
        pageAhead = PageAhead(question: question)
        session.begin(statement) { [unowned self] rows in
            pageAhead?.page = rows.page(after: place, limit: limit)
        }
    }

    /// Waits for the page of `readAhead`, and unpacks it.
    public func receiveAhead() { session.finish() }

    /// All holders of several coupons; nil if they are more than `limit`.
    public func holders(
        of coupons: [CouponID], limit: Int
    ) throws(BackendError) -> [CouponID: [LoadedHolder]]? {
        try session.holders(of: coupons, limit: limit)
    }

    /// Waits for transactions that have locked a coupon.
    public func waitForChanges(of coupon: CouponID) throws(BackendError) {
        _ = try session.run(
            Statement(
                "SELECT FROM coupond.coupon WHERE id = $1 FOR SHARE", .integer(coupon.rawValue)))
    }
}

/// A page that was asked for in advance.
struct PageAhead {
    let question: PageQuestion
    /// Nil until the result was read, or if it could not be read.
    var page: HolderPage?
}
