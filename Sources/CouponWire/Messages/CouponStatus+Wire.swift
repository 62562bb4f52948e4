// How a coupon and a user stand: the request and its answer.

internal import CCouponProto
internal import CProtobufC
internal import CouponDomain

extension MessageArena {
    mutating func couponStatus(
        of coupon: CouponID, _ user: UserID?
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__CouponStatusRequest> {
        let raw = unsafe try make(coupond__v1__coupon_status_request__init)
        unsafe raw.pointee.coupon_id = coupon.rawValue
        unsafe raw.pointee.user_id = user?.rawValue ?? 0
        return unsafe raw
    }

    mutating func couponStatus(
        _ status: CouponStatus
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__CouponStatusResponse> {
        let raw = unsafe try make(coupond__v1__coupon_status_response__init)
        unsafe raw.pointee.coupon = unsafe try coupon(status.coupon)
        unsafe raw.pointee.accepted = status.accepted
        unsafe raw.pointee.queued = status.queued
        unsafe raw.pointee.ahead = status.place?.ahead ?? 0
        unsafe raw.pointee.decided_in_ms = status.place?.milliseconds ?? 0
        switch status.user {
        case .none: break
        case .queued(let sequence):
            unsafe raw.pointee.user_state = COUPOND__V1__USER_STATE__USER_STATE_QUEUED
            unsafe raw.pointee.sequence = sequence
        case .issued(let sequence, let moment):
            unsafe raw.pointee.user_state = COUPOND__V1__USER_STATE__USER_STATE_ISSUED
            unsafe raw.pointee.sequence = sequence
            unsafe raw.pointee.issued_at = moment.microseconds
        case .rejected(let sequence, let reason):
            unsafe raw.pointee.user_state = COUPOND__V1__USER_STATE__USER_STATE_REJECTED
            unsafe raw.pointee.sequence = sequence
            unsafe raw.pointee.reason = reason.raw
        }
        return unsafe raw
    }
}

extension Request.Method {
    static func couponStatus(
        _ raw: Coupond__V1__CouponStatusRequest
    ) throws(Failure) -> Self {
        unsafe .couponStatus(
            coupon: try Field.coupon(raw.coupon_id, "coupon_status.coupon_id"),
            user: raw.user_id == 0 ? nil : try Field.user(raw.user_id, "coupon_status.user_id"))
    }
}

extension CouponStatus {
    init(_ raw: Coupond__V1__CouponStatusResponse) throws(Failure) {
        unsafe self.init(
            coupon: try Coupon(try Field.message(raw.coupon, "coupon_status.coupon")),
            accepted: raw.accepted, queued: raw.queued, user: try UserStatus(raw),
            place: QueuePlace(raw))
    }
}

extension QueuePlace {
    fileprivate init?(_ raw: Coupond__V1__CouponStatusResponse) {
        guard unsafe raw.user_state == COUPOND__V1__USER_STATE__USER_STATE_QUEUED else {
            return nil
        }
        unsafe self.init(
            ahead: raw.ahead, milliseconds: raw.decided_in_ms > 0 ? raw.decided_in_ms : nil)
    }
}

extension UserStatus {
    init(_ raw: Coupond__V1__CouponStatusResponse) throws(Failure) {
        switch unsafe raw.user_state {
        case COUPOND__V1__USER_STATE__USER_STATE_NONE: self = .none
        case COUPOND__V1__USER_STATE__USER_STATE_QUEUED:
            self = unsafe .queued(sequence: raw.sequence)
        case COUPOND__V1__USER_STATE__USER_STATE_ISSUED:
            self = unsafe .issued(
                sequence: raw.sequence, at: Timestamp(microseconds: raw.issued_at))
        case COUPOND__V1__USER_STATE__USER_STATE_REJECTED:
            self = unsafe .rejected(
                sequence: raw.sequence,
                reason: try RejectionReason(raw.reason, "coupon_status.reason"))
        default:
            throw .field(
                "coupon_status.user_state", unsafe "not known here, got \(raw.user_state.rawValue)")
        }
    }
}
