// The raw figures of one coupon, from a value to libprotobuf-c's struct.

internal import CCouponProto
internal import CProtobufC
internal import CouponDomain

private typealias Raw = UnsafeMutablePointer<Coupond__V1__AuditCouponResponse>

extension MessageArena {
    mutating func audit(
        _ audit: CouponAudit
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__AuditCouponResponse> {
        let raw = unsafe try make(coupond__v1__audit_coupon_response__init)
        unsafe raw.pointee.coupon = unsafe try coupon(audit.accounts.coupon)
        if let queued = audit.queueRequests {
            unsafe raw.pointee.maybe_queue_requests_case =
                COUPOND__V1__AUDIT_COUPON_RESPONSE__MAYBE_QUEUE_REQUESTS_QUEUE_REQUESTS
            unsafe raw.pointee.queue_requests = queued
        }
        unsafe raw.pointee.gate_says_sold_out = audit.gateSaysSoldOut ? 1 : 0
        unsafe raw.pointee.workers = UInt32(clamping: audit.workers)
        unsafe raw.pointee.workers_closed = UInt32(clamping: audit.workersClosed)
        if let gate = audit.gate { unsafe gate.write(to: raw) }
        unsafe audit.place.write(to: raw)
        unsafe audit.accounts.write(to: raw)
        if let rows = audit.accounts.rows { unsafe rows.write(to: raw) }
        return unsafe raw
    }
}

extension GateRecord {
    fileprivate func write(to raw: Raw) {
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
        if let total = terms.total {
            unsafe raw.pointee.maybe_gate_total_case =
                COUPOND__V1__AUDIT_COUPON_RESPONSE__MAYBE_GATE_TOTAL_GATE_TOTAL
            unsafe raw.pointee.gate_total = total
        }
        unsafe raw.pointee.gate_opens_at = terms.window.opens.microseconds
        unsafe raw.pointee.gate_closes_at = terms.window.closes.microseconds
        unsafe raw.pointee.gate_state = Coupond__V1__CouponState(
            rawValue: UInt32(terms.state.rawValue))
        unsafe raw.pointee.gate_sold_out = terms.isSoldOut ? 1 : 0
    }
}

extension GatePlace {
    fileprivate func write(to raw: Raw) {
        unsafe raw.pointee.gate_open = isOpen ? 1 : 0
        unsafe raw.pointee.gate_epoch = epoch
        unsafe raw.pointee.gate_settled_epoch = settled.epoch
        unsafe raw.pointee.gate_settled_n = settled.n
        unsafe raw.pointee.gate_tail = tail
    }
}

extension LedgerAccounts {
    fileprivate func write(to raw: Raw) {
        unsafe raw.pointee.last_sequence = coupon.lastSequence
        unsafe raw.pointee.rejected = rejected
        unsafe raw.pointee.dead_lettered = deadLettered
        unsafe raw.pointee.discarded = discarded
        unsafe raw.pointee.unsynced = unsynced
        unsafe raw.pointee.unreadable = unreadable
        unsafe raw.pointee.incomplete = isComplete ? 0 : 1
        unsafe raw.pointee.epoch = epoch
        unsafe raw.pointee.cursor_epoch = cursor.epoch
        unsafe raw.pointee.cursor_n = cursor.n
    }
}

extension IssuedRows {
    fileprivate func write(to raw: Raw) {
        unsafe raw.pointee.maybe_rows_case = COUPOND__V1__AUDIT_COUPON_RESPONSE__MAYBE_ROWS_ROWS
        unsafe raw.pointee.rows = count
        unsafe raw.pointee.repeated_sequences = repeated
        if let lowest {
            unsafe raw.pointee.maybe_lowest_sequence_case =
                COUPOND__V1__AUDIT_COUPON_RESPONSE__MAYBE_LOWEST_SEQUENCE_LOWEST_SEQUENCE
            unsafe raw.pointee.lowest_sequence = lowest
        }
        if let highest {
            unsafe raw.pointee.maybe_highest_sequence_case =
                COUPOND__V1__AUDIT_COUPON_RESPONSE__MAYBE_HIGHEST_SEQUENCE_HIGHEST_SEQUENCE
            unsafe raw.pointee.highest_sequence = highest
        }
    }
}
