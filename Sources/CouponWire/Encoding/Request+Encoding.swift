// Each method of a request, as libprotobuf-c's structs: the client's side.

internal import CCouponProto
internal import CProtobufC
internal import CouponDomain

extension MessageArena {
    mutating func request(
        _ request: Request
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__Request> {
        let raw = unsafe try make(coupond__v1__request__init)
        unsafe raw.pointee.id = request.id
        unsafe raw.pointee.deadline_ms = request.deadlineMilliseconds ?? 0
        if !request.token.isEmpty { unsafe raw.pointee.token = unsafe try bytes(request.token) }
        unsafe try setMethod(request.method, of: raw)
        return unsafe raw
    }

    private mutating func setMethod(
        _ method: Request.Method, of raw: UnsafeMutablePointer<Coupond__V1__Request>
    ) throws(Failure) {
        switch method {
        case .issue(let request):
            unsafe raw.pointee.method_case = COUPOND__V1__REQUEST__METHOD_ISSUE
            unsafe raw.pointee.issue = try issue(request)
        case .couponStatus(let coupon, let user):
            unsafe raw.pointee.method_case = COUPOND__V1__REQUEST__METHOD_COUPON_STATUS
            unsafe raw.pointee.coupon_status = try couponStatus(of: coupon, user)
        case .health:
            unsafe raw.pointee.method_case = COUPOND__V1__REQUEST__METHOD_HEALTH
            unsafe raw.pointee.health = try make(coupond__v1__health_request__init)
        case .serverInfo:
            unsafe raw.pointee.method_case = COUPOND__V1__REQUEST__METHOD_SERVER_INFO
            unsafe raw.pointee.server_info = try make(coupond__v1__server_info_request__init)
        case .reload:
            unsafe raw.pointee.method_case = COUPOND__V1__REQUEST__METHOD_RELOAD
            unsafe raw.pointee.reload = try make(coupond__v1__reload_request__init)
        case .rebuildGate(let partition):
            let rebuild = unsafe try make(coupond__v1__rebuild_gate_request__init)
            unsafe rebuild.pointee.partition = UInt32(clamping: partition.rawValue)
            unsafe raw.pointee.method_case = COUPOND__V1__REQUEST__METHOD_REBUILD_GATE
            unsafe raw.pointee.rebuild_gate = unsafe rebuild
        case .createCoupon(let coupon):
            unsafe raw.pointee.method_case = COUPOND__V1__REQUEST__METHOD_CREATE_COUPON
            unsafe raw.pointee.create_coupon = try create(coupon)
        case .listCoupons(let after, let limit):
            unsafe raw.pointee.method_case = COUPOND__V1__REQUEST__METHOD_LIST_COUPONS
            unsafe raw.pointee.list_coupons = try list(after: after, limit: limit)
        case .updateCoupon(let id, let change):
            unsafe raw.pointee.method_case = COUPOND__V1__REQUEST__METHOD_UPDATE_COUPON
            unsafe raw.pointee.update_coupon = try update(id, change)
        case .getCoupon(let id):
            unsafe raw.pointee.method_case = COUPOND__V1__REQUEST__METHOD_GET_COUPON
            unsafe raw.pointee.get_coupon = try get(id)
        case .pauseCoupon(let id):
            unsafe raw.pointee.method_case = COUPOND__V1__REQUEST__METHOD_PAUSE_COUPON
            unsafe raw.pointee.pause_coupon = try pause(id)
        case .resumeCoupon(let id):
            unsafe raw.pointee.method_case = COUPOND__V1__REQUEST__METHOD_RESUME_COUPON
            unsafe raw.pointee.resume_coupon = try resume(id)
        case .closeCoupon(let id):
            unsafe raw.pointee.method_case = COUPOND__V1__REQUEST__METHOD_CLOSE_COUPON
            unsafe raw.pointee.close_coupon = try close(id)
        case .auditCoupon(let id):
            unsafe raw.pointee.method_case = COUPOND__V1__REQUEST__METHOD_AUDIT_COUPON
            unsafe raw.pointee.audit_coupon = try audit(id)
        case .listIssues(let coupon, let after, let limit):
            unsafe raw.pointee.method_case = COUPOND__V1__REQUEST__METHOD_LIST_ISSUES
            unsafe raw.pointee.list_issues = try list(of: coupon, after: after, limit: limit)
        case .listDeadLetters(let after, let coupon):
            let list = unsafe try make(coupond__v1__list_dead_letters_request__init)
            unsafe list.pointee.after_id = after
            unsafe list.pointee.coupon_id = coupon?.rawValue ?? 0
            unsafe raw.pointee.method_case = COUPOND__V1__REQUEST__METHOD_LIST_DEAD_LETTERS
            unsafe raw.pointee.list_dead_letters = unsafe list
        case .redriveDeadLetter(let id):
            let redrive = unsafe try make(coupond__v1__redrive_dead_letter_request__init)
            unsafe redrive.pointee.id = id
            unsafe raw.pointee.method_case = COUPOND__V1__REQUEST__METHOD_REDRIVE_DEAD_LETTER
            unsafe raw.pointee.redrive_dead_letter = unsafe redrive
        case .discardDeadLetter(let id):
            let discard = unsafe try make(coupond__v1__discard_dead_letter_request__init)
            unsafe discard.pointee.id = id
            unsafe raw.pointee.method_case = COUPOND__V1__REQUEST__METHOD_DISCARD_DEAD_LETTER
            unsafe raw.pointee.discard_dead_letter = unsafe discard
        }
    }

    private mutating func couponStatus(
        of coupon: CouponID, _ user: UserID?
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__CouponStatusRequest> {
        let raw = unsafe try make(coupond__v1__coupon_status_request__init)
        unsafe raw.pointee.coupon_id = coupon.rawValue
        unsafe raw.pointee.user_id = user?.rawValue ?? 0
        return unsafe raw
    }

    private mutating func list(
        after: CouponID, limit: Int
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__ListCouponsRequest> {
        let raw = unsafe try make(coupond__v1__list_coupons_request__init)
        unsafe raw.pointee.after_id = after.rawValue
        unsafe raw.pointee.limit = UInt32(clamping: limit)
        return unsafe raw
    }

    private mutating func list(
        of coupon: CouponID, after: UserID, limit: Int
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__ListIssuesRequest> {
        let raw = unsafe try make(coupond__v1__list_issues_request__init)
        unsafe raw.pointee.coupon_id = coupon.rawValue
        unsafe raw.pointee.after_user_id = after.rawValue
        unsafe raw.pointee.limit = UInt32(clamping: limit)
        return unsafe raw
    }

    private mutating func get(
        _ id: CouponID
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__GetCouponRequest> {
        let raw = unsafe try make(coupond__v1__get_coupon_request__init)
        unsafe raw.pointee.id = id.rawValue
        return unsafe raw
    }

    private mutating func pause(
        _ id: CouponID
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__PauseCouponRequest> {
        let raw = unsafe try make(coupond__v1__pause_coupon_request__init)
        unsafe raw.pointee.id = id.rawValue
        return unsafe raw
    }

    private mutating func resume(
        _ id: CouponID
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__ResumeCouponRequest> {
        let raw = unsafe try make(coupond__v1__resume_coupon_request__init)
        unsafe raw.pointee.id = id.rawValue
        return unsafe raw
    }

    private mutating func close(
        _ id: CouponID
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__CloseCouponRequest> {
        let raw = unsafe try make(coupond__v1__close_coupon_request__init)
        unsafe raw.pointee.id = id.rawValue
        return unsafe raw
    }

    private mutating func audit(
        _ id: CouponID
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__AuditCouponRequest> {
        let raw = unsafe try make(coupond__v1__audit_coupon_request__init)
        unsafe raw.pointee.coupon_id = id.rawValue
        return unsafe raw
    }

    private mutating func issue(
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

    /// State, version and figures of a new coupon are not the caller's to choose and are not sent.
    private mutating func create(
        _ coupon: Coupon
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__CreateCouponRequest> {
        let raw = unsafe try make(coupond__v1__create_coupon_request__init)
        unsafe raw.pointee.id = coupon.id.rawValue
        unsafe raw.pointee.title = unsafe try text(coupon.title)
        if let total = coupon.total {
            unsafe raw.pointee.maybe_total_case =
                COUPOND__V1__CREATE_COUPON_REQUEST__MAYBE_TOTAL_TOTAL
            unsafe raw.pointee.total = total
        }
        unsafe raw.pointee.opens_at = coupon.window.opens.microseconds
        unsafe raw.pointee.closes_at = coupon.window.closes.microseconds
        return unsafe raw
    }

    /// A change of state is not sent: pause, resume and close are methods of their own.
    private mutating func update(
        _ id: CouponID, _ change: CouponChange
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__UpdateCouponRequest> {
        let raw = unsafe try make(coupond__v1__update_coupon_request__init)
        unsafe raw.pointee.id = id.rawValue
        if let title = change.title {
            unsafe raw.pointee.maybe_title_case =
                COUPOND__V1__UPDATE_COUPON_REQUEST__MAYBE_TITLE_TITLE
            unsafe raw.pointee.title = unsafe try text(title)
        }
        switch change.total {
        case .some(.some(let total)):
            unsafe raw.pointee.maybe_total_case =
                COUPOND__V1__UPDATE_COUPON_REQUEST__MAYBE_TOTAL_TOTAL
            unsafe raw.pointee.total = total
        case .some(.none): unsafe raw.pointee.unlimited = 1
        case .none: break
        }
        if let opens = change.opens {
            unsafe raw.pointee.maybe_opens_at_case =
                COUPOND__V1__UPDATE_COUPON_REQUEST__MAYBE_OPENS_AT_OPENS_AT
            unsafe raw.pointee.opens_at = opens.microseconds
        }
        if let closes = change.closes {
            unsafe raw.pointee.maybe_closes_at_case =
                COUPOND__V1__UPDATE_COUPON_REQUEST__MAYBE_CLOSES_AT_CLOSES_AT
            unsafe raw.pointee.closes_at = closes.microseconds
        }
        return unsafe raw
    }
}
