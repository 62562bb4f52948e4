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
        part.fill(status)
        return part
    }
}

extension Part where Message == Coupond__V1__CouponStatusResponse {
    /// Sets every field but the coupon, because the struct may have the values of an earlier answer.
    func fill(_ from: CouponStatus) {
        self.accepted = from.accepted
        self.queued = from.queued
        self.ahead = from.place?.ahead ?? 0
        self.decided_in_ms = from.place?.milliseconds ?? 0
        self.user_state = COUPOND__V1__USER_STATE__USER_STATE_NONE
        self.sequence = 0
        self.issued_at = 0
        self.reason = COUPOND__V1__REJECTION_REASON__REJECTION_REASON_UNSPECIFIED
        switch from.user {
        case .none: break
        case .queued(let number):
            self.user_state = COUPOND__V1__USER_STATE__USER_STATE_QUEUED
            self.sequence = number
        case .issued(let number, let moment):
            self.user_state = COUPOND__V1__USER_STATE__USER_STATE_ISSUED
            self.sequence = number
            self.issued_at = moment.microseconds
        case .rejected(let number, let why):
            self.user_state = COUPOND__V1__USER_STATE__USER_STATE_REJECTED
            self.sequence = number
            self.reason = why.raw
        }
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
