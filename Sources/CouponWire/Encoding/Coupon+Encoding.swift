// Coupons in answers: one, a page of them, and one with its raw figures.

internal import CCouponProto
internal import CProtobufC
internal import CouponCore

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

    mutating func audit(
        _ audit: CouponAudit
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__AuditCouponResponse> {
        let raw = unsafe try make(coupond__v1__audit_coupon_response__init)
        unsafe raw.pointee.coupon = unsafe try coupon(audit.accounts.coupon)
        unsafe raw.pointee.queue_requests = audit.queueRequests
        unsafe raw.pointee.gate_says_sold_out = audit.gateSaysSoldOut ? 1 : 0
        unsafe raw.pointee.workers = UInt32(clamping: audit.workers)
        unsafe raw.pointee.workers_closed = UInt32(clamping: audit.workersClosed)
        if let gate = audit.gate { unsafe gate.write(to: raw) }
        unsafe audit.accounts.write(to: raw)
        return unsafe raw
    }
}

extension GateRecord {
    fileprivate func write(to raw: UnsafeMutablePointer<Coupond__V1__AuditCouponResponse>) {
        unsafe raw.pointee.loaded = 1
        unsafe raw.pointee.gate_version = version
        unsafe raw.pointee.gate_rev = rev
        unsafe raw.pointee.gate_used = used
        unsafe raw.pointee.gate_queued = queued
        unsafe raw.pointee.gate_next_sequence = nextSequence
        if let cap {
            unsafe raw.pointee.maybe_gate_cap_case =
                COUPOND__V1__AUDIT_COUPON_RESPONSE__MAYBE_GATE_CAP_GATE_CAP
            unsafe raw.pointee.gate_cap = cap
        }
    }
}

extension LedgerAccounts {
    fileprivate func write(to raw: UnsafeMutablePointer<Coupond__V1__AuditCouponResponse>) {
        unsafe raw.pointee.rows = issued
        unsafe raw.pointee.repeated_sequences = repeatedSequences
        unsafe raw.pointee.rejected = rejected
        unsafe raw.pointee.dead_lettered = deadLettered
        unsafe raw.pointee.cursor_epoch = cursor.epoch
        unsafe raw.pointee.cursor_n = cursor.n
        if let lowestSequence {
            unsafe raw.pointee.maybe_lowest_sequence_case =
                COUPOND__V1__AUDIT_COUPON_RESPONSE__MAYBE_LOWEST_SEQUENCE_LOWEST_SEQUENCE
            unsafe raw.pointee.lowest_sequence = lowestSequence
        }
        if let highestSequence {
            unsafe raw.pointee.maybe_highest_sequence_case =
                COUPOND__V1__AUDIT_COUPON_RESPONSE__MAYBE_HIGHEST_SEQUENCE_HIGHEST_SEQUENCE
            unsafe raw.pointee.highest_sequence = highestSequence
        }
    }
}
