// A page of issues: the request and its answer.

internal import CCouponProto
internal import CProtobufC
internal import CouponDomain

extension MessageArena {
    mutating func list(
        of coupon: CouponID, after: UserID, limit: Int
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__ListIssuesRequest> {
        let raw = unsafe try make(coupond__v1__list_issues_request__init)
        unsafe raw.pointee.coupon_id = coupon.rawValue
        unsafe raw.pointee.after_user_id = after.rawValue
        unsafe raw.pointee.limit = UInt32(clamping: limit)
        return unsafe raw
    }

    /// A page always fits in a frame: see `Limits.issuesPerPage`.
    mutating func page(
        of issues: [Issue]
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__ListIssuesResponse> {
        let page = unsafe try make(coupond__v1__list_issues_response__init)
        let slots = unsafe try room(
            for: UnsafeMutablePointer<Coupond__V1__Issue>?.self, count: issues.count)
        for (index, issue) in issues.enumerated() {
            let raw = unsafe try make(coupond__v1__issue__init)
            unsafe raw.pointee.user_id = issue.user.rawValue
            unsafe raw.pointee.sequence = issue.sequence
            unsafe raw.pointee.request_id = unsafe try bytes(issue.requestID)
            unsafe raw.pointee.accepted_at = issue.acceptedAt.microseconds
            unsafe raw.pointee.issued_at = issue.issuedAt.microseconds
            unsafe slots[index] = unsafe raw
        }
        unsafe page.pointee.issues = unsafe slots
        unsafe page.pointee.n_issues = issues.count
        return unsafe page
    }
}

extension Request.Method {
    static func list(_ raw: Coupond__V1__ListIssuesRequest) throws(Failure) -> Self {
        unsafe .listIssues(
            try Field.coupon(raw.coupon_id, "list_issues.coupon_id"),
            after: UserID(try Field.start(raw.after_user_id, "list_issues.after_user_id")),
            limit: try Field.limit(
                raw.limit, absent: Limits.defaultIssuesPerPage, most: Limits.issuesPerPage,
                "list_issues.limit"))
    }
}

extension Issue {
    init(_ raw: Coupond__V1__Issue) throws(Failure) {
        unsafe self.init(
            user: UserID(raw.user_id), sequence: raw.sequence,
            requestID: try Field.requestID(raw.request_id, "list_issues.issues.request_id"),
            acceptedAt: Timestamp(microseconds: raw.accepted_at),
            issuedAt: Timestamp(microseconds: raw.issued_at))
    }

    static func page(_ raw: Coupond__V1__ListIssuesResponse) throws(Failure) -> [Issue] {
        let raws = unsafe UnsafeBufferPointer(start: raw.issues, count: raw.n_issues)
        var issues: [Issue] = []
        issues.reserveCapacity(raws.count)
        for index in raws.indices {
            let issue = unsafe try Field.message(raws[index], "list_issues.issues")
            unsafe issues.append(try Issue(issue))
        }
        return issues
    }
}
