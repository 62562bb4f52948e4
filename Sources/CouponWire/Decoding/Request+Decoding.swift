// Each method of a request, from libprotobuf-c's structs to valid values.

internal import CCouponProto
internal import CProtobufC
internal import CouponDomain

extension Request {
    init(_ raw: Coupond__V1__Request) throws(Failure) {
        unsafe self.init(
            id: raw.id,
            deadlineMilliseconds: raw.deadline_ms == 0 ? nil : raw.deadline_ms,
            token: try Field.token(raw.token, "token"),
            method: try Method(raw))
    }
}

extension Request.Method {
    fileprivate init(_ raw: Coupond__V1__Request) throws(Failure) {
        switch unsafe raw.method_case {
        case COUPOND__V1__REQUEST__METHOD_ISSUE:
            self = unsafe .issue(try IssueRequest(try Field.message(raw.issue, "issue")))
        case COUPOND__V1__REQUEST__METHOD_COUPON_STATUS:
            self = unsafe try .couponStatus(try Field.message(raw.coupon_status, "coupon_status"))
        case COUPOND__V1__REQUEST__METHOD_HEALTH: self = .health
        case COUPOND__V1__REQUEST__METHOD_SERVER_INFO: self = .serverInfo
        case COUPOND__V1__REQUEST__METHOD__NOT_SET:
            // A method of a later schema arrives as a field that this one does not know.
            throw unsafe raw.base.n_unknown_fields > 0
                ? Failure(.unimplemented, "method: not known here")
                : .field("method", "missing")
        default: self = unsafe try .admin(raw)
        }
    }

    private static func couponStatus(
        _ raw: Coupond__V1__CouponStatusRequest
    ) throws(Failure) -> Self {
        unsafe .couponStatus(
            coupon: try Field.coupon(raw.coupon_id, "coupon_status.coupon_id"),
            user: raw.user_id == 0 ? nil : try Field.user(raw.user_id, "coupon_status.user_id"))
    }

    private static func admin(_ raw: Coupond__V1__Request) throws(Failure) -> Self {
        switch unsafe raw.method_case {
        case COUPOND__V1__REQUEST__METHOD_CREATE_COUPON:
            let create = unsafe try Field.message(raw.create_coupon, "create_coupon")
            return unsafe .createCoupon(try Coupon(create))
        case COUPOND__V1__REQUEST__METHOD_GET_COUPON:
            let get = unsafe try Field.message(raw.get_coupon, "get_coupon")
            return unsafe .getCoupon(try Field.coupon(get.id, "get_coupon.id"))
        case COUPOND__V1__REQUEST__METHOD_LIST_COUPONS:
            return unsafe try list(try Field.message(raw.list_coupons, "list_coupons"))
        case COUPOND__V1__REQUEST__METHOD_UPDATE_COUPON:
            let update = unsafe try Field.message(raw.update_coupon, "update_coupon")
            let id = unsafe try Field.coupon(update.id, "update_coupon.id")
            return unsafe .updateCoupon(id, try CouponChange(update))
        case COUPOND__V1__REQUEST__METHOD_PAUSE_COUPON:
            let pause = unsafe try Field.message(raw.pause_coupon, "pause_coupon")
            return unsafe .pauseCoupon(try Field.coupon(pause.id, "pause_coupon.id"))
        case COUPOND__V1__REQUEST__METHOD_RESUME_COUPON:
            let resume = unsafe try Field.message(raw.resume_coupon, "resume_coupon")
            return unsafe .resumeCoupon(try Field.coupon(resume.id, "resume_coupon.id"))
        case COUPOND__V1__REQUEST__METHOD_CLOSE_COUPON:
            let close = unsafe try Field.message(raw.close_coupon, "close_coupon")
            return unsafe .closeCoupon(try Field.coupon(close.id, "close_coupon.id"))
        case COUPOND__V1__REQUEST__METHOD_AUDIT_COUPON:
            let audit = unsafe try Field.message(raw.audit_coupon, "audit_coupon")
            return unsafe .auditCoupon(try Field.coupon(audit.coupon_id, "audit_coupon.coupon_id"))
        case COUPOND__V1__REQUEST__METHOD_LIST_ISSUES:
            return unsafe try list(try Field.message(raw.list_issues, "list_issues"))
        case COUPOND__V1__REQUEST__METHOD_RELOAD: return .reload
        case COUPOND__V1__REQUEST__METHOD_REBUILD_GATE:
            let rebuild = unsafe try Field.message(raw.rebuild_gate, "rebuild_gate")
            return unsafe .rebuildGate(PartitionID(Int(rebuild.partition)))
        default: return unsafe try deadLetters(raw)
        }
    }

    private static func deadLetters(_ raw: Coupond__V1__Request) throws(Failure) -> Self {
        switch unsafe raw.method_case {
        case COUPOND__V1__REQUEST__METHOD_LIST_DEAD_LETTERS:
            let list = unsafe try Field.message(raw.list_dead_letters, "list_dead_letters")
            return unsafe .listDeadLetters(
                after: try Field.start(list.after_id, "list_dead_letters.after_id"),
                coupon: list.coupon_id == 0
                    ? nil : try Field.coupon(list.coupon_id, "list_dead_letters.coupon_id"))
        case COUPOND__V1__REQUEST__METHOD_REDRIVE_DEAD_LETTER:
            let redrive = unsafe try Field.message(raw.redrive_dead_letter, "redrive_dead_letter")
            return unsafe .redriveDeadLetter(try letter(redrive.id, "redrive_dead_letter.id"))
        case COUPOND__V1__REQUEST__METHOD_DISCARD_DEAD_LETTER:
            let discard = unsafe try Field.message(raw.discard_dead_letter, "discard_dead_letter")
            return unsafe .discardDeadLetter(try letter(discard.id, "discard_dead_letter.id"))
        default:
            throw Failure(.unimplemented, "method: not known here")
        }
    }

    private static func letter(_ id: Int64, _ path: String) throws(Failure) -> Int64 {
        guard id > 0 else { throw .field(path, "must be positive, got \(id)") }
        return id
    }

    private static func list(_ raw: Coupond__V1__ListCouponsRequest) throws(Failure) -> Self {
        unsafe .listCoupons(
            after: CouponID(try Field.start(raw.after_id, "list_coupons.after_id")),
            limit: try Field.limit(
                raw.limit, absent: Limits.defaultCouponsPerPage, most: Limits.couponsPerPage,
                "list_coupons.limit"))
    }

    private static func list(_ raw: Coupond__V1__ListIssuesRequest) throws(Failure) -> Self {
        unsafe .listIssues(
            try Field.coupon(raw.coupon_id, "list_issues.coupon_id"),
            after: UserID(try Field.start(raw.after_user_id, "list_issues.after_user_id")),
            limit: try Field.limit(
                raw.limit, absent: Limits.defaultIssuesPerPage, most: Limits.issuesPerPage,
                "list_issues.limit"))
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

extension Coupon {
    fileprivate init(_ raw: Coupond__V1__CreateCouponRequest) throws(Failure) {
        let opens = unsafe try Field.moment(raw.opens_at, "create_coupon.opens_at")
        let closes = unsafe try Field.moment(raw.closes_at, "create_coupon.closes_at")
        try Field.order(opens: opens, closes: closes, "create_coupon.closes_at")
        unsafe self.init(
            id: try Field.coupon(raw.id, "create_coupon.id"),
            title: try Field.title(raw.title, "create_coupon.title"),
            total: raw.maybe_total_case == COUPOND__V1__CREATE_COUPON_REQUEST__MAYBE_TOTAL_TOTAL
                ? try Field.total(raw.total, "create_coupon.total") : nil,
            window: Window(opens: opens, closes: closes))
    }
}

extension CouponChange {
    /// One that changes something. Whether it fits what stays is judged on the locked coupon.
    fileprivate init(_ raw: Coupond__V1__UpdateCouponRequest) throws(Failure) {
        self.init()
        if unsafe raw.maybe_title_case == COUPOND__V1__UPDATE_COUPON_REQUEST__MAYBE_TITLE_TITLE {
            title = unsafe try Field.title(raw.title, "update_coupon.title")
        }
        if unsafe raw.maybe_total_case == COUPOND__V1__UPDATE_COUPON_REQUEST__MAYBE_TOTAL_TOTAL {
            guard unsafe raw.unlimited == 0 else {
                throw .field("update_coupon.total", "must not come together with unlimited")
            }
            total = unsafe try Field.total(raw.total, "update_coupon.total")
        } else if unsafe raw.unlimited != 0 {
            total = .some(nil)
        }
        if unsafe raw.maybe_opens_at_case
            == COUPOND__V1__UPDATE_COUPON_REQUEST__MAYBE_OPENS_AT_OPENS_AT
        {
            opens = unsafe try Field.moment(raw.opens_at, "update_coupon.opens_at")
        }
        if unsafe raw.maybe_closes_at_case
            == COUPOND__V1__UPDATE_COUPON_REQUEST__MAYBE_CLOSES_AT_CLOSES_AT
        {
            closes = unsafe try Field.moment(raw.closes_at, "update_coupon.closes_at")
        }
        if let opens, let closes {
            try Field.order(opens: opens, closes: closes, "update_coupon.closes_at")
        }
        guard self != CouponChange() else { throw .field("update_coupon", "changes nothing") }
    }
}
