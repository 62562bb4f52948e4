// A page of coupons: the request and its answer.

internal import CCouponProto
internal import CouponDomain

extension Coupond__V1__ListCouponsRequest: WireMessage {}
extension Coupond__V1__ListCouponsResponse: WireMessage {}

extension MessageArena {
    @_lifetime(borrow self)
    func list(
        after: CouponID, limit: Int, archived: Bool
    ) throws(Failure) -> Part<Coupond__V1__ListCouponsRequest> {
        let part = try make(Coupond__V1__ListCouponsRequest.self)
        part.after_id = after.rawValue
        part.limit = UInt32(clamping: limit)
        part.archived = archived
        return part
    }

    /// As many of the coupons as fit in a frame.
    @_lifetime(borrow self)
    func page(of coupons: [Coupon]) throws(Failure) -> Part<Coupond__V1__ListCouponsResponse> {
        // The envelope's id and length; each coupon's tag and length.
        let envelope = 32
        let prefix = 4
        let limit = min(coupons.count, Limits.couponsPerPage)
        let page = try make(Coupond__V1__ListCouponsResponse.self)
        var list = try list(of: Coupond__V1__Coupon.self, capacity: limit)
        var free = Limits.frameBytes - envelope
        for value in coupons.prefix(limit) {
            let part = try coupon(value)
            free -= prefix + part.packedSize
            if free < 0 { break }
            list.append(part)
        }
        page[\.coupons, \.n_coupons] = list
        return page
    }
}

extension Request.Method {
    static func list(_ raw: Part<Coupond__V1__ListCouponsRequest>) throws(Failure) -> Self {
        .listCoupons(
            after: CouponID(try Field.start(raw.after_id, "list_coupons.after_id")),
            limit: try Field.limit(
                raw.limit, absent: Limits.defaultCouponsPerPage, most: Limits.couponsPerPage,
                "list_coupons.limit"),
            archived: raw.archived)
    }
}

extension Response.Result {
    static func page(_ raw: Part<Coupond__V1__ListCouponsResponse>) throws(Failure) -> [Coupon] {
        try raw[\.coupons, \.n_coupons].map(Coupon.init)
    }
}
