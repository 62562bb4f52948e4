// A coupon in requests and answers: created, changed, alone and in pages.

internal import CCouponProto
internal import CouponDomain

extension Coupond__V1__Coupon: WireMessage {}
extension Coupond__V1__CreateCouponRequest: WireMessage {}
extension Coupond__V1__UpdateCouponRequest: WireMessage {}

extension MessageArena {
    @_lifetime(borrow self)
    func coupon(_ coupon: Coupon) throws(Failure) -> Part<Coupond__V1__Coupon> {
        let part = try make(Coupond__V1__Coupon.self)
        part.id = coupon.id.rawValue
        part.title = try text(coupon.title)
        part.opens_at = coupon.window.opens.microseconds
        part.closes_at = coupon.window.closes.microseconds
        part.state = Coupond__V1__CouponState(rawValue: UInt32(coupon.state.rawValue))
        part.version = coupon.version
        part.issued = coupon.issued
        part.archived = coupon.isArchived
        part[\.total, \.maybe_total_case, .present] = coupon.total
        part[\.remaining, \.maybe_remaining_case, .present] = coupon.remaining
        return part
    }

    /// The daemon chooses state, version and figures of a new coupon, so they are not sent.
    @_lifetime(borrow self)
    func create(_ coupon: Coupon) throws(Failure) -> Part<Coupond__V1__CreateCouponRequest> {
        let part = try make(Coupond__V1__CreateCouponRequest.self)
        part.id = coupon.id.rawValue
        part.title = try text(coupon.title)
        part[\.total, \.maybe_total_case, .present] = coupon.total
        part.opens_at = coupon.window.opens.microseconds
        let closes = coupon.window.closes
        part[\.closes_at, \.maybe_closes_at_case, .present] =
            closes == .never ? nil : closes.microseconds
        return part
    }

    /// A change of state is not sent: pause, resume and close are methods of their own.
    @_lifetime(borrow self)
    func update(
        _ id: CouponID, _ change: CouponChange
    ) throws(Failure) -> Part<Coupond__V1__UpdateCouponRequest> {
        let part = try make(Coupond__V1__UpdateCouponRequest.self)
        part.id = id.rawValue
        if let title = change.title {
            part.maybe_title_case = .present
            part.title = try text(title)
        }
        switch change.total {
        case .some(.some(let total)): part[\.total, \.maybe_total_case, .present] = total
        case .some(.none): part.unlimited = true
        case .none: break
        }
        part[\.opens_at, \.maybe_opens_at_case, .present] = change.opens?.microseconds
        part[\.closes_at, \.maybe_closes_at_case, .present] = change.closes?.microseconds
        return part
    }
}

extension Coupon {
    init(_ raw: Part<Coupond__V1__Coupon>) throws(Failure) {
        guard let state = UInt8(exactly: raw.state.rawValue).flatMap(CouponState.init) else {
            throw .field("coupon.state", "not known here, got \(raw.state.rawValue)")
        }
        self.init(
            id: CouponID(raw.id), title: try Field.text(raw.title, "coupon.title"),
            total: raw[\.total, \.maybe_total_case, .present],
            window: Window(
                opens: Timestamp(microseconds: raw.opens_at),
                closes: Timestamp(microseconds: raw.closes_at)),
            state: state, version: raw.version, issued: raw.issued, isArchived: raw.archived)
    }

    init(_ raw: Part<Coupond__V1__CreateCouponRequest>) throws(Failure) {
        let opens = try Field.moment(raw.opens_at, "create_coupon.opens_at")
        let closes =
            raw.maybe_closes_at_case == .present
            ? try Field.moment(raw.closes_at, "create_coupon.closes_at") : .never
        try Field.order(opens: opens, closes: closes, "create_coupon.closes_at")
        self.init(
            id: try Field.coupon(raw.id, "create_coupon.id"),
            title: try Self.title(raw.title, "create_coupon.title"),
            total: raw.maybe_total_case == .present
                ? try Field.total(raw.total, "create_coupon.total") : nil,
            window: Window(opens: opens, closes: closes))
    }

    fileprivate static func title(_ raw: WireBytes, _ path: String) throws(Failure) -> String {
        try Field.text(raw, bytes: 1...Limits.maximumTitleBytes, path)
    }
}

extension CouponChange {
    /// A change of at least one field. Whether it fits the coupon is judged when the coupon is locked.
    init(_ raw: Part<Coupond__V1__UpdateCouponRequest>) throws(Failure) {
        self.init()
        if raw.maybe_title_case == .present {
            title = try Coupon.title(raw.title, "update_coupon.title")
        }
        if raw.maybe_total_case == .present {
            guard !raw.unlimited else {
                throw .field("update_coupon.total", "must not come together with unlimited")
            }
            total = try Field.total(raw.total, "update_coupon.total")
        } else if raw.unlimited {
            total = .some(nil)
        }
        if raw.maybe_opens_at_case == .present {
            opens = try Field.moment(raw.opens_at, "update_coupon.opens_at")
        }
        if raw.maybe_closes_at_case == .present {
            closes = try Field.moment(raw.closes_at, "update_coupon.closes_at")
        }
        if let opens, let closes {
            try Field.order(opens: opens, closes: closes, "update_coupon.closes_at")
        }
        guard self != CouponChange() else { throw .field("update_coupon", "changes nothing") }
    }
}
