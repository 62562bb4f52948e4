// A page of coupons: the request and its answer.

internal import CCouponProto
internal import CProtobufC
internal import CouponDomain

extension MessageArena {
    mutating func list(
        after: CouponID, limit: Int
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__ListCouponsRequest> {
        let raw = unsafe try make(coupond__v1__list_coupons_request__init)
        unsafe raw.pointee.after_id = after.rawValue
        unsafe raw.pointee.limit = UInt32(clamping: limit)
        return unsafe raw
    }

    /// As many of the coupons as fit in a frame.
    mutating func page(
        of coupons: [Coupon]
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__ListCouponsResponse> {
        // The envelope's id and length; each coupon's tag and length.
        let envelope = 32
        let prefix = 4
        let limit = min(coupons.count, Limits.couponsPerPage)
        let page = unsafe try make(coupond__v1__list_coupons_response__init)
        let slots = unsafe try room(
            for: UnsafeMutablePointer<Coupond__V1__Coupon>?.self, count: limit)
        var free = Limits.frameBytes - envelope
        var count = 0
        while count < limit {
            let raw = unsafe try coupon(coupons[count])
            unsafe free -= prefix + coupond__v1__coupon__get_packed_size(raw)
            if free < 0 { break }
            unsafe slots[count] = unsafe raw
            count += 1
        }
        unsafe page.pointee.coupons = unsafe slots
        unsafe page.pointee.n_coupons = count
        return unsafe page
    }
}

extension Request.Method {
    static func list(_ raw: Coupond__V1__ListCouponsRequest) throws(Failure) -> Self {
        unsafe .listCoupons(
            after: CouponID(try Field.start(raw.after_id, "list_coupons.after_id")),
            limit: try Field.limit(
                raw.limit, absent: Limits.defaultCouponsPerPage, most: Limits.couponsPerPage,
                "list_coupons.limit"))
    }
}

extension Response.Result {
    static func page(_ raw: Coupond__V1__ListCouponsResponse) throws(Failure) -> [Coupon] {
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
