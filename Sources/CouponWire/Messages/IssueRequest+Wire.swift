// The most frequent request.

internal import CCouponProto
internal import CouponDomain

extension Coupond__V1__IssueRequest: WireMessage {}

extension MessageArena {
    @_lifetime(borrow self)
    func issue(_ request: IssueRequest) throws(Failure) -> Part<Coupond__V1__IssueRequest> {
        let part = try make(Coupond__V1__IssueRequest.self)
        part.coupon_id = request.coupon.rawValue
        part.user_id = request.user.rawValue
        part.request_id = try bytes(request.requestID)
        part.wait_for = Coupond__V1__WaitFor(
            rawValue: UInt32(request.waitFor.rawValue))
        part.attempt = request.attempt
        return part
    }
}

extension IssueRequest {
    init(_ raw: Part<Coupond__V1__IssueRequest>) throws(Failure) {
        let value = raw.wait_for.rawValue
        guard let waitFor = UInt8(exactly: value).flatMap(WaitFor.init) else {
            throw .field("issue.wait_for", "has no meaning here, got \(value)")
        }
        self.init(
            coupon: try Field.coupon(raw.coupon_id, "issue.coupon_id"),
            user: try Field.user(raw.user_id, "issue.user_id"),
            requestID: try Field.requestID(raw.request_id, "issue.request_id"),
            waitFor: waitFor, attempt: raw.attempt)
    }
}
