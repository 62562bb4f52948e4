/// Reads the holders that a load brings to the gate (rules 30 and 32), page by page: there may be ten
/// million.
public import CouponCore

extension Session {
    func marks(of coupons: [CouponID]) throws(BackendError) -> [LoadMarks] {
        let rows = try run(
            Statement(
                """
                SELECT \(Coupon.columns), (
                    SELECT count(*) FROM coupond.dead_letter AS l
                    WHERE l.coupon_id = c.id AND l.user_id IS NOT NULL AND l.state = 1)
                FROM coupond.coupon AS c WHERE id = ANY ($1) ORDER BY id
                """, .integers(coupons.map(\.rawValue))))
        var marks: [LoadMarks] = []
        for row in 0..<rows.count {
            marks.append(
                LoadMarks(
                    coupon: try rows.coupon(row), held: rows.integer(row, Coupon.columnCount)))
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
    static func page(of coupon: CouponID, after place: HolderPlace, limit: Int) -> Statement? {
        switch place {
        case .refused(let user):
            Statement(
                """
                SELECT DISTINCT ON (user_id) user_id, sequence, request_id, reason
                FROM coupond.rejection AS r
                WHERE coupon_id = $1 AND user_id > $2 AND \(Self.hasNoIssue)
                ORDER BY user_id, epoch DESC, n DESC, sequence DESC LIMIT $3
                """, .integer(coupon.rawValue), .integer(user.rawValue), .integer(Int64(limit)))
        case .issued(let user):
            Statement(
                """
                SELECT user_id, sequence, request_id, NULL::smallint
                FROM coupond.coupon_issue WHERE coupon_id = $1 AND user_id > $2
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
        var found: [CouponID: [LoadedHolder]] = [:]
        var count = 0
        for sql in [Self.issuesOfMany, Self.rejectionsOfMany] {
            let rows = try run(Statement(sql, ids, most))
            count += rows.count
            if count > limit { return nil }
            for row in 0..<rows.count {
                found[CouponID(rows.integer(row, 4)), default: []].append(rows.holder(row))
            }
        }
        return found
    }

    private static let hasNoIssue = """
        NOT EXISTS (
            SELECT FROM coupond.coupon_issue AS i
            WHERE i.coupon_id = r.coupon_id AND i.user_id = r.user_id)
        """

    private static let issuesOfMany = """
        SELECT user_id, sequence, request_id, NULL::smallint, coupon_id
        FROM coupond.coupon_issue WHERE coupon_id = ANY ($1) LIMIT $2
        """

    private static let rejectionsOfMany = """
        SELECT DISTINCT ON (coupon_id, user_id) user_id, sequence, request_id, reason, coupon_id
        FROM coupond.rejection AS r
        WHERE coupon_id = ANY ($1) AND user_id IS NOT NULL AND \(hasNoIssue)
        ORDER BY coupon_id, user_id, epoch DESC, n DESC, sequence DESC LIMIT $2
        """
}

extension Rows {
    /// The result of `Session.page`.
    func page(after place: HolderPlace, limit: Int) -> HolderPage {
        var holders: [LoadedHolder] = []
        holders.reserveCapacity(count)
        for row in 0..<count { holders.append(holder(row)) }
        let last = holders.count >= limit ? holders.last?.user : nil
        return switch place {
        case .refused:
            HolderPage(holders: holders, end: last.map { .refused($0) } ?? .issued(UserID(0)))
        case .issued, .end: HolderPage(holders: holders, end: last.map { .issued($0) } ?? .end)
        }
    }

    /// User, sequence, request id, and the reason of a rejection.
    fileprivate func holder(_ row: Int) -> LoadedHolder {
        LoadedHolder(
            user: UserID(integer(row, 0)),
            holder: GateHolder(
                sequence: number(row, 1), position: .zero, requestID: requestID(row, 2),
                rejection: isNull(row, 3) ? nil : reason(row, 3)))
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

    /// All holders of several coupons; nil if they are more than `limit`.
    public func holders(
        of coupons: [CouponID], limit: Int
    ) throws(BackendError) -> [CouponID: [LoadedHolder]]? {
        try session.holders(of: coupons, limit: limit)
    }
}

/// A page that was asked for in advance.
struct PageAhead {
    let question: PageQuestion
    /// Nil until the result was read, or if it could not be read.
    var page: HolderPage?
}
