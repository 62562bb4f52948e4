// Issues, from libprotobuf-c's structs to values.

internal import CCouponProto
internal import CProtobufC
internal import CouponDomain

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
