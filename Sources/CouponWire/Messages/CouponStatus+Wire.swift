// The status of a coupon and a user: the request and its answer.

internal import CCouponProto
internal import CouponDomain

extension Coupond__V1__CouponStatusRequest: WireMessage {}
extension Coupond__V1__CouponStatusResponse: WireMessage {}

extension MessageArena {
    @_lifetime(borrow self)
    func couponStatus(
        of coupon: CouponID, _ user: UserID?
    ) throws(Failure) -> Part<Coupond__V1__CouponStatusRequest> {
        let part = try make(Coupond__V1__CouponStatusRequest.self)
        part.coupon_id = coupon.rawValue
        part.user_id = user?.rawValue ?? 0
        return part
    }

    @_lifetime(borrow self)
    func couponStatus(
        _ status: CouponStatus
    ) throws(Failure) -> Part<Coupond__V1__CouponStatusResponse> {
        let part = try make(Coupond__V1__CouponStatusResponse.self)
        part.coupon = try coupon(status.coupon)
        part.accepted = status.accepted
        part.queued = status.queued
        part.ahead = status.place?.ahead ?? 0
        part.decided_in_ms = status.place?.milliseconds ?? 0
        switch status.user {
        case .none: break
        case .queued(let sequence):
            part.user_state = COUPOND__V1__USER_STATE__USER_STATE_QUEUED
            part.sequence = sequence
        case .issued(let sequence, let moment):
            part.user_state = COUPOND__V1__USER_STATE__USER_STATE_ISSUED
            part.sequence = sequence
            part.issued_at = moment.microseconds
        case .rejected(let sequence, let reason):
            part.user_state = COUPOND__V1__USER_STATE__USER_STATE_REJECTED
            part.sequence = sequence
            part.reason = reason.raw
        }
        return part
    }
}

extension Request.Method {
    static func couponStatus(
        _ raw: Part<Coupond__V1__CouponStatusRequest>
    ) throws(Failure) -> Self {
        .couponStatus(
            coupon: try Field.coupon(raw.coupon_id, "coupon_status.coupon_id"),
            user: raw.user_id == 0 ? nil : try Field.user(raw.user_id, "coupon_status.user_id"))
    }
}

extension CouponStatus {
    init(_ raw: Part<Coupond__V1__CouponStatusResponse>) throws(Failure) {
        self.init(
            coupon: try Coupon(try Field.message(raw.coupon, "coupon_status.coupon")),
            accepted: raw.accepted, queued: raw.queued, user: try UserStatus(raw),
            place: QueuePlace(raw))
    }
}

extension QueuePlace {
    fileprivate init?(_ raw: Part<Coupond__V1__CouponStatusResponse>) {
        guard raw.user_state == COUPOND__V1__USER_STATE__USER_STATE_QUEUED else {
            return nil
        }
        self.init(
            ahead: raw.ahead, milliseconds: raw.decided_in_ms > 0 ? raw.decided_in_ms : nil)
    }
}

extension UserStatus {
    init(_ raw: Part<Coupond__V1__CouponStatusResponse>) throws(Failure) {
        switch raw.user_state {
        case COUPOND__V1__USER_STATE__USER_STATE_NONE: self = .none
        case COUPOND__V1__USER_STATE__USER_STATE_QUEUED:
            self = .queued(sequence: raw.sequence)
        case COUPOND__V1__USER_STATE__USER_STATE_ISSUED:
            self = .issued(
                sequence: raw.sequence, at: Timestamp(microseconds: raw.issued_at))
        case COUPOND__V1__USER_STATE__USER_STATE_REJECTED:
            self = .rejected(
                sequence: raw.sequence,
                reason: try RejectionReason(raw.reason, "coupon_status.reason"))
        default:
            throw .field(
                "coupon_status.user_state", "not known here, got \(raw.user_state.rawValue)")
        }
    }
}
