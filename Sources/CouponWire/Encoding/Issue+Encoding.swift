// A page of issues in an answer.

internal import CCouponProto
internal import CProtobufC
internal import CouponDomain

extension MessageArena {
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
