// The request that comes a million times.

internal import CCouponProto
internal import CProtobufC
internal import CouponDomain

extension MessageArena {
    mutating func issue(
        _ request: IssueRequest
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__IssueRequest> {
        let raw = unsafe try make(coupond__v1__issue_request__init)
        unsafe raw.pointee.coupon_id = request.coupon.rawValue
        unsafe raw.pointee.user_id = request.user.rawValue
        unsafe raw.pointee.request_id = unsafe try bytes(request.requestID)
        unsafe raw.pointee.wait_for = Coupond__V1__WaitFor(
            rawValue: UInt32(request.waitFor.rawValue))
        unsafe raw.pointee.attempt = request.attempt
        return unsafe raw
    }
}

extension IssueRequest {
    init(_ raw: Coupond__V1__IssueRequest) throws(Failure) {
        let value = unsafe raw.wait_for.rawValue
        guard let waitFor = UInt8(exactly: value).flatMap(WaitFor.init) else {
            throw .field("issue.wait_for", "has no meaning here, got \(value)")
        }
        unsafe self.init(
            coupon: try Field.coupon(raw.coupon_id, "issue.coupon_id"),
            user: try Field.user(raw.user_id, "issue.user_id"),
            requestID: try Field.requestID(raw.request_id, "issue.request_id"),
            waitFor: waitFor, attempt: raw.attempt)
    }
}
