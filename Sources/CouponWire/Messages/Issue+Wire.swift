// A page of issues: the request and its answer.

internal import CCouponProto
internal import CouponDomain

extension Coupond__V1__Issue: WireMessage {}
extension Coupond__V1__ListIssuesRequest: WireMessage {}
extension Coupond__V1__ListIssuesResponse: WireMessage {}

extension MessageArena {
    @_lifetime(borrow self)
    func list(
        of coupon: CouponID, after: UserID, limit: Int
    ) throws(Failure) -> Part<Coupond__V1__ListIssuesRequest> {
        let part = try make(Coupond__V1__ListIssuesRequest.self)
        part.coupon_id = coupon.rawValue
        part.after_user_id = after.rawValue
        part.limit = UInt32(clamping: limit)
        return part
    }

    /// A page always fits in a frame: see `Limits.issuesPerPage`.
    @_lifetime(borrow self)
    func page(of issues: [Issue]) throws(Failure) -> Part<Coupond__V1__ListIssuesResponse> {
        let page = try make(Coupond__V1__ListIssuesResponse.self)
        var list = try list(of: Coupond__V1__Issue.self, capacity: issues.count)
        for value in issues { list.append(try issue(value)) }
        page[\.issues, \.n_issues] = list
        return page
    }

    @_lifetime(borrow self)
    private func issue(_ issue: Issue) throws(Failure) -> Part<Coupond__V1__Issue> {
        let part = try make(Coupond__V1__Issue.self)
        part.user_id = issue.user.rawValue
        part.sequence = issue.sequence
        part.request_id = try bytes(issue.requestID)
        part.accepted_at = issue.acceptedAt.microseconds
        part.issued_at = issue.issuedAt.microseconds
        return part
    }
}

extension Request.Method {
    static func list(_ raw: Part<Coupond__V1__ListIssuesRequest>) throws(Failure) -> Self {
        .listIssues(
            try Field.coupon(raw.coupon_id, "list_issues.coupon_id"),
            after: UserID(try Field.start(raw.after_user_id, "list_issues.after_user_id")),
            limit: try Field.limit(
                raw.limit, absent: Limits.defaultIssuesPerPage, most: Limits.issuesPerPage,
                "list_issues.limit"))
    }
}

extension Issue {
    init(_ raw: Part<Coupond__V1__Issue>) throws(Failure) {
        self.init(
            user: UserID(raw.user_id), sequence: raw.sequence,
            requestID: try Field.requestID(raw.request_id, "list_issues.issues.request_id"),
            acceptedAt: Timestamp(microseconds: raw.accepted_at),
            issuedAt: Timestamp(microseconds: raw.issued_at))
    }

    static func page(_ raw: Part<Coupond__V1__ListIssuesResponse>) throws(Failure) -> [Issue] {
        try raw[\.issues, \.n_issues].map(Issue.init)
    }
}
