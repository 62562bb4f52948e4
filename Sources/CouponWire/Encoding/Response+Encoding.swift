// Each answer, as libprotobuf-c's structs: the daemon's side.

internal import CCouponProto
internal import CProtobufC
internal import CouponDomain

extension MessageArena {
    mutating func response(
        _ response: Response
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__Response> {
        let raw = unsafe try make(coupond__v1__response__init)
        unsafe raw.pointee.id = response.id
        switch response.result {
        case .failure(let failure):
            unsafe raw.pointee.result_case = COUPOND__V1__RESPONSE__RESULT_ERROR
            unsafe raw.pointee.error = unsafe try error(failure)
        case .issue(let outcome):
            unsafe raw.pointee.result_case = COUPOND__V1__RESPONSE__RESULT_ISSUE
            unsafe raw.pointee.issue = unsafe try issue(outcome)
        case .couponStatus(let status):
            unsafe raw.pointee.result_case = COUPOND__V1__RESPONSE__RESULT_COUPON_STATUS
            unsafe raw.pointee.coupon_status = unsafe try couponStatus(status)
        case .health(let notReady):
            let health = unsafe try make(coupond__v1__health_response__init)
            unsafe health.pointee.ready = notReady == nil ? 1 : 0
            unsafe health.pointee.reason = unsafe try text(
                notReady ?? "", upTo: Limits.maximumErrorTextBytes)
            unsafe raw.pointee.result_case = COUPOND__V1__RESPONSE__RESULT_HEALTH
            unsafe raw.pointee.health = unsafe health
        case .serverInfo(let info):
            unsafe raw.pointee.result_case = COUPOND__V1__RESPONSE__RESULT_SERVER_INFO
            unsafe raw.pointee.server_info = unsafe try serverInfo(info)
        case .reloaded:
            unsafe raw.pointee.result_case = COUPOND__V1__RESPONSE__RESULT_RELOAD
            unsafe raw.pointee.reload = unsafe try make(coupond__v1__reload_response__init)
        case .gateRebuilt(let partition, let epoch):
            let rebuilt = unsafe try make(coupond__v1__rebuild_gate_response__init)
            unsafe rebuilt.pointee.partition = UInt32(clamping: partition.rawValue)
            unsafe rebuilt.pointee.epoch = epoch
            unsafe raw.pointee.result_case = COUPOND__V1__RESPONSE__RESULT_REBUILD_GATE
            unsafe raw.pointee.rebuild_gate = unsafe rebuilt
        case .coupon(let coupon):
            unsafe raw.pointee.result_case = COUPOND__V1__RESPONSE__RESULT_COUPON
            unsafe raw.pointee.coupon = unsafe try self.coupon(coupon)
        case .coupons(let coupons):
            unsafe raw.pointee.result_case = COUPOND__V1__RESPONSE__RESULT_LIST_COUPONS
            unsafe raw.pointee.list_coupons = unsafe try page(of: coupons)
        case .audit(let audit):
            unsafe raw.pointee.result_case = COUPOND__V1__RESPONSE__RESULT_AUDIT_COUPON
            unsafe raw.pointee.audit_coupon = unsafe try self.audit(audit)
        case .issues(let issues):
            unsafe raw.pointee.result_case = COUPOND__V1__RESPONSE__RESULT_LIST_ISSUES
            unsafe raw.pointee.list_issues = unsafe try page(of: issues)
        case .deadLetters(let letters):
            unsafe raw.pointee.result_case = COUPOND__V1__RESPONSE__RESULT_LIST_DEAD_LETTERS
            unsafe raw.pointee.list_dead_letters = unsafe try page(of: letters)
        case .deadLetter(let letter):
            unsafe raw.pointee.result_case = COUPOND__V1__RESPONSE__RESULT_DEAD_LETTER
            unsafe raw.pointee.dead_letter = unsafe try deadLetter(letter)
        }
        return unsafe raw
    }

    private mutating func error(
        _ failure: Failure
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__Error> {
        let raw = unsafe try make(coupond__v1__error__init)
        unsafe raw.pointee.code = UInt32(failure.code.rawValue)
        unsafe raw.pointee.message = unsafe try text(
            failure.message, upTo: Limits.maximumErrorTextBytes)
        unsafe raw.pointee.retry_after_ms = failure.retryAfterMilliseconds ?? 0
        switch failure.acceptance {
        case .notAccepted: break
        case .accepted(let sequence):
            unsafe raw.pointee.acceptance = COUPOND__V1__ACCEPTANCE__ACCEPTANCE_ACCEPTED
            unsafe raw.pointee.sequence = sequence
        case .unknown: unsafe raw.pointee.acceptance = COUPOND__V1__ACCEPTANCE__ACCEPTANCE_UNKNOWN
        }
        return unsafe raw
    }

    private mutating func issue(
        _ outcome: Outcome
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__IssueResponse> {
        let raw = unsafe try make(coupond__v1__issue_response__init)
        unsafe raw.pointee.fill(outcome)
        return unsafe raw
    }

    private mutating func couponStatus(
        _ status: CouponStatus
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__CouponStatusResponse> {
        let raw = unsafe try make(coupond__v1__coupon_status_response__init)
        unsafe raw.pointee.coupon = unsafe try coupon(status.coupon)
        unsafe raw.pointee.accepted = status.accepted
        unsafe raw.pointee.queued = status.queued
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

    private mutating func serverInfo(
        _ info: ServerInfo
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__ServerInfoResponse> {
        let raw = unsafe try make(coupond__v1__server_info_response__init)
        unsafe raw.pointee.version = unsafe try text(info.version)
        unsafe raw.pointee.partitions = UInt32(clamping: info.partitions)
        unsafe raw.pointee.maximum_frame_bytes = UInt32(clamping: info.maximumFrameBytes)
        unsafe raw.pointee.now = info.now.microseconds
        return unsafe raw
    }
}

extension Coupond__V1__IssueResponse {
    /// Sets every field, whatever stood there before.
    mutating func fill(_ from: Outcome) {
        unsafe sequence = 0
        unsafe issued_at = 0
        unsafe state = COUPOND__V1__USER_STATE__USER_STATE_NONE
        unsafe opens_at = 0
        unsafe reason = COUPOND__V1__REJECTION_REASON__REJECTION_REASON_UNSPECIFIED
        switch from {
        case .accepted(let number):
            unsafe outcome = COUPOND__V1__OUTCOME__OUTCOME_ACCEPTED
            unsafe sequence = number
        case .issued(let number, let moment):
            unsafe outcome = COUPOND__V1__OUTCOME__OUTCOME_ISSUED
            unsafe sequence = number
            unsafe issued_at = moment.microseconds
        case .duplicate(let number, let holder):
            unsafe outcome = COUPOND__V1__OUTCOME__OUTCOME_DUPLICATE
            unsafe sequence = number
            unsafe state = holder.raw
        case .soldOut: unsafe outcome = COUPOND__V1__OUTCOME__OUTCOME_SOLD_OUT
        case .notOpen(let opens):
            unsafe outcome = COUPOND__V1__OUTCOME__OUTCOME_NOT_OPEN
            unsafe opens_at = opens.microseconds
        case .ended: unsafe outcome = COUPOND__V1__OUTCOME__OUTCOME_ENDED
        case .paused: unsafe outcome = COUPOND__V1__OUTCOME__OUTCOME_PAUSED
        case .closed: unsafe outcome = COUPOND__V1__OUTCOME__OUTCOME_CLOSED
        case .notFound: unsafe outcome = COUPOND__V1__OUTCOME__OUTCOME_NOT_FOUND
        case .rejected(let number, let why):
            unsafe outcome = COUPOND__V1__OUTCOME__OUTCOME_REJECTED
            unsafe sequence = number
            unsafe reason = why.raw
        }
    }
}

extension HolderState {
    fileprivate var raw: Coupond__V1__UserState {
        switch self {
        case .queued: COUPOND__V1__USER_STATE__USER_STATE_QUEUED
        case .issued: COUPOND__V1__USER_STATE__USER_STATE_ISSUED
        case .rejected: COUPOND__V1__USER_STATE__USER_STATE_REJECTED
        }
    }
}

extension RejectionReason {
    /// The schema numbers them as they are stored.
    fileprivate var raw: Coupond__V1__RejectionReason {
        Coupond__V1__RejectionReason(rawValue: UInt32(rawValue))
    }
}
