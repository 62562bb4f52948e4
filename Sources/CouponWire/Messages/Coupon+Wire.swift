// A coupon in requests and answers: created, changed, alone and in pages.

internal import CCouponProto
internal import CProtobufC
internal import CouponDomain

extension MessageArena {
    mutating func coupon(
        _ coupon: Coupon
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__Coupon> {
        let raw = unsafe try make(coupond__v1__coupon__init)
        unsafe raw.pointee.id = coupon.id.rawValue
        unsafe raw.pointee.title = unsafe try text(coupon.title)
        unsafe raw.pointee.opens_at = coupon.window.opens.microseconds
        unsafe raw.pointee.closes_at = coupon.window.closes.microseconds
        unsafe raw.pointee.state = Coupond__V1__CouponState(rawValue: UInt32(coupon.state.rawValue))
        unsafe raw.pointee.version = coupon.version
        unsafe raw.pointee.issued = coupon.issued
        if let total = coupon.total {
            unsafe raw.pointee.maybe_total_case = COUPOND__V1__COUPON__MAYBE_TOTAL_TOTAL
            unsafe raw.pointee.total = total
        }
        if let remaining = coupon.remaining {
            unsafe raw.pointee.maybe_remaining_case = COUPOND__V1__COUPON__MAYBE_REMAINING_REMAINING
            unsafe raw.pointee.remaining = remaining
        }
        return unsafe raw
    }

    /// State, version and figures of a new coupon are not the caller's to choose and are not sent.
    mutating func create(
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
    mutating func update(
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

    init(_ raw: Coupond__V1__CreateCouponRequest) throws(Failure) {
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
    init(_ raw: Coupond__V1__UpdateCouponRequest) throws(Failure) {
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
