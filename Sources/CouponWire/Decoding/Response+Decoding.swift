// Each answer, from libprotobuf-c's structs to values. Numbers are the daemon's and are believed;
// words that have no meaning here are named.

internal import CCouponProto
internal import CProtobufC
internal import CouponDomain

extension Response.Result {
    init(_ raw: Coupond__V1__Response) throws(Failure) {
        switch unsafe raw.result_case {
        case COUPOND__V1__RESPONSE__RESULT_ERROR:
            self = unsafe .failure(try Failure(try Field.message(raw.error, "error")))
        case COUPOND__V1__RESPONSE__RESULT_ISSUE:
            self = unsafe .issue(try Outcome(try Field.message(raw.issue, "issue")))
        case COUPOND__V1__RESPONSE__RESULT_COUPON_STATUS:
            let status = unsafe try Field.message(raw.coupon_status, "coupon_status")
            self = unsafe .couponStatus(try CouponStatus(status))
        case COUPOND__V1__RESPONSE__RESULT_HEALTH:
            let health = unsafe try Field.message(raw.health, "health")
            self = unsafe .health(
                notReady: health.ready != 0 ? nil : try Field.text(health.reason, "health.reason"))
        case COUPOND__V1__RESPONSE__RESULT_SERVER_INFO:
            self = unsafe .serverInfo(
                try ServerInfo(try Field.message(raw.server_info, "server_info")))
        case COUPOND__V1__RESPONSE__RESULT_COUPON:
            self = unsafe .coupon(try Coupon(try Field.message(raw.coupon, "coupon")))
        case COUPOND__V1__RESPONSE__RESULT_LIST_COUPONS:
            self = unsafe .coupons(
                try Self.page(try Field.message(raw.list_coupons, "list_coupons")))
        case COUPOND__V1__RESPONSE__RESULT_AUDIT_COUPON:
            self = unsafe .audit(
                try CouponAudit(try Field.message(raw.audit_coupon, "audit_coupon")))
        case COUPOND__V1__RESPONSE__RESULT_LIST_ISSUES:
            self = unsafe .issues(try Issue.page(try Field.message(raw.list_issues, "list_issues")))
        case COUPOND__V1__RESPONSE__RESULT_LIST_DEAD_LETTERS:
            self = unsafe .deadLetters(
                try DeadLetter.page(
                    try Field.message(raw.list_dead_letters, "list_dead_letters")))
        case COUPOND__V1__RESPONSE__RESULT_DEAD_LETTER:
            self = unsafe .deadLetter(
                try DeadLetter(try Field.message(raw.dead_letter, "dead_letter")))
        case COUPOND__V1__RESPONSE__RESULT_RELOAD: self = .reloaded
        case COUPOND__V1__RESPONSE__RESULT_REBUILD_GATE:
            let rebuilt = unsafe try Field.message(raw.rebuild_gate, "rebuild_gate")
            self = unsafe .gateRebuilt(PartitionID(Int(rebuilt.partition)), rebuilt.epoch)
        default:
            throw .field("result", "not known here")
        }
    }

    private static func page(_ raw: Coupond__V1__ListCouponsResponse) throws(Failure) -> [Coupon] {
        let raws = unsafe UnsafeBufferPointer(start: raw.coupons, count: raw.n_coupons)
        var coupons: [Coupon] = []
        coupons.reserveCapacity(raws.count)
        for index in raws.indices {
            let coupon = unsafe try Field.message(raws[index], "list_coupons.coupons")
            unsafe coupons.append(try Coupon(coupon))
        }
        return coupons
    }
}

extension Failure {
    fileprivate init(_ raw: Coupond__V1__Error) throws(Failure) {
        let acceptance: Acceptance
        switch unsafe raw.acceptance {
        case COUPOND__V1__ACCEPTANCE__ACCEPTANCE_NOT_ACCEPTED: acceptance = .notAccepted
        case COUPOND__V1__ACCEPTANCE__ACCEPTANCE_ACCEPTED:
            acceptance = unsafe .accepted(sequence: raw.sequence)
        // Nothing may be concluded from a word of a later daemon.
        default: acceptance = .unknown
        }
        unsafe self.init(
            // As gRPC has it: a code that is not known is a fault of the other side.
            Int32(exactly: raw.code).flatMap(StatusCode.init) ?? .internal,
            try Field.text(raw.message, "error.message"),
            retryAfterMilliseconds: raw.retry_after_ms == 0 ? nil : raw.retry_after_ms,
            acceptance: acceptance)
    }
}

extension Outcome {
    fileprivate init(_ raw: Coupond__V1__IssueResponse) throws(Failure) {
        switch unsafe raw.outcome {
        case COUPOND__V1__OUTCOME__OUTCOME_ACCEPTED: self = unsafe .accepted(sequence: raw.sequence)
        case COUPOND__V1__OUTCOME__OUTCOME_ISSUED:
            self = unsafe .issued(
                sequence: raw.sequence, at: Timestamp(microseconds: raw.issued_at))
        case COUPOND__V1__OUTCOME__OUTCOME_DUPLICATE:
            guard let state = unsafe HolderState(raw.state) else {
                throw .field("issue.state", unsafe "not known here, got \(raw.state.rawValue)")
            }
            self = unsafe .duplicate(sequence: raw.sequence, state: state)
        case COUPOND__V1__OUTCOME__OUTCOME_SOLD_OUT: self = .soldOut
        case COUPOND__V1__OUTCOME__OUTCOME_NOT_OPEN:
            self = unsafe .notOpen(opens: Timestamp(microseconds: raw.opens_at))
        case COUPOND__V1__OUTCOME__OUTCOME_ENDED: self = .ended
        case COUPOND__V1__OUTCOME__OUTCOME_PAUSED: self = .paused
        case COUPOND__V1__OUTCOME__OUTCOME_CLOSED: self = .closed
        case COUPOND__V1__OUTCOME__OUTCOME_NOT_FOUND: self = .notFound
        case COUPOND__V1__OUTCOME__OUTCOME_REJECTED:
            self = unsafe .rejected(
                sequence: raw.sequence, reason: try RejectionReason(raw.reason, "issue.reason"))
        default: throw .field("issue.outcome", unsafe "not known here, got \(raw.outcome.rawValue)")
        }
    }
}

extension HolderState {
    fileprivate init?(_ raw: Coupond__V1__UserState) {
        switch raw {
        case COUPOND__V1__USER_STATE__USER_STATE_QUEUED: self = .queued
        case COUPOND__V1__USER_STATE__USER_STATE_ISSUED: self = .issued
        case COUPOND__V1__USER_STATE__USER_STATE_REJECTED: self = .rejected
        default: return nil
        }
    }
}

extension RejectionReason {
    fileprivate init(_ raw: Coupond__V1__RejectionReason, _ path: String) throws(Failure) {
        guard let reason = UInt8(exactly: raw.rawValue).flatMap(RejectionReason.init) else {
            throw .field(path, "not known here, got \(raw.rawValue)")
        }
        self = reason
    }
}

extension CouponStatus {
    fileprivate init(_ raw: Coupond__V1__CouponStatusResponse) throws(Failure) {
        unsafe self.init(
            coupon: try Coupon(try Field.message(raw.coupon, "coupon_status.coupon")),
            accepted: raw.accepted, queued: raw.queued, user: try UserStatus(raw))
    }
}

extension UserStatus {
    fileprivate init(_ raw: Coupond__V1__CouponStatusResponse) throws(Failure) {
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

extension ServerInfo {
    fileprivate init(_ raw: Coupond__V1__ServerInfoResponse) throws(Failure) {
        unsafe self.init(
            version: try Field.text(raw.version, "server_info.version"),
            partitions: Int(raw.partitions), maximumFrameBytes: Int(raw.maximum_frame_bytes),
            now: Timestamp(microseconds: raw.now))
    }
}

extension Coupon {
    init(_ raw: Coupond__V1__Coupon) throws(Failure) {
        guard let state = unsafe UInt8(exactly: raw.state.rawValue).flatMap(CouponState.init) else {
            throw .field("coupon.state", unsafe "not known here, got \(raw.state.rawValue)")
        }
        unsafe self.init(
            id: CouponID(raw.id), title: try Field.text(raw.title, "coupon.title"),
            total: raw.maybe_total_case == COUPOND__V1__COUPON__MAYBE_TOTAL_TOTAL ? raw.total : nil,
            window: Window(
                opens: Timestamp(microseconds: raw.opens_at),
                closes: Timestamp(microseconds: raw.closes_at)),
            state: state, version: raw.version, issued: raw.issued)
    }
}
