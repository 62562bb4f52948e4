// Coupons in answers: one, and a page of them.

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
