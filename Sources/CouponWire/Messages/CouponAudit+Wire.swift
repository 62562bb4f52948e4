// The raw figures of one coupon.

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

extension CouponAudit {
    init(_ raw: Coupond__V1__AuditCouponResponse) throws(Failure) {
        let hasQueue =
            unsafe raw.maybe_queue_requests_case
            == COUPOND__V1__AUDIT_COUPON_RESPONSE__MAYBE_QUEUE_REQUESTS_QUEUE_REQUESTS
        unsafe self.init(
            accounts: try LedgerAccounts(raw), gate: raw.loaded != 0 ? try GateRecord(raw) : nil,
            place: GatePlace(
                isOpen: raw.gate_open != 0, epoch: raw.gate_epoch,
                settled: Position(epoch: raw.gate_settled_epoch, n: raw.gate_settled_n),
                tail: raw.gate_tail),
            queueRequests: hasQueue ? raw.queue_requests : nil,
            gateSaysSoldOut: raw.gate_says_sold_out != 0, workers: Int(raw.workers),
            workersClosed: Int(raw.workers_closed))
    }
}

extension LedgerAccounts {
    fileprivate init(_ raw: Coupond__V1__AuditCouponResponse) throws(Failure) {
        var coupon = unsafe try Coupon(try Field.message(raw.coupon, "audit_coupon.coupon"))
        coupon.lastSequence = unsafe raw.last_sequence
        let hasRows =
            unsafe raw.maybe_rows_case == COUPOND__V1__AUDIT_COUPON_RESPONSE__MAYBE_ROWS_ROWS
        unsafe self.init(
            coupon: coupon, epoch: raw.epoch,
            cursor: Position(epoch: raw.cursor_epoch, n: raw.cursor_n),
            rows: hasRows ? IssuedRows(raw) : nil, rejected: raw.rejected,
            deadLettered: raw.dead_lettered, discarded: raw.discarded,
            unsynced: raw.unsynced, unreadable: raw.unreadable, isComplete: raw.incomplete == 0)
    }
}

extension IssuedRows {
    fileprivate init(_ raw: Coupond__V1__AuditCouponResponse) {
        let hasLowest =
            unsafe raw.maybe_lowest_sequence_case
            == COUPOND__V1__AUDIT_COUPON_RESPONSE__MAYBE_LOWEST_SEQUENCE_LOWEST_SEQUENCE
        let hasHighest =
            unsafe raw.maybe_highest_sequence_case
            == COUPOND__V1__AUDIT_COUPON_RESPONSE__MAYBE_HIGHEST_SEQUENCE_HIGHEST_SEQUENCE
        unsafe self.init(
            count: raw.rows, lowest: hasLowest ? raw.lowest_sequence : nil,
            highest: hasHighest ? raw.highest_sequence : nil, repeated: raw.repeated_sequences)
    }
}

extension GateRecord {
    fileprivate init(_ raw: Coupond__V1__AuditCouponResponse) throws(Failure) {
        let hasCap =
            unsafe raw.maybe_gate_cap_case
            == COUPOND__V1__AUDIT_COUPON_RESPONSE__MAYBE_GATE_CAP_GATE_CAP
        let hasTotal =
            unsafe raw.maybe_gate_total_case
            == COUPOND__V1__AUDIT_COUPON_RESPONSE__MAYBE_GATE_TOTAL_GATE_TOTAL
        let number = unsafe raw.gate_state.rawValue
        guard let state = UInt8(exactly: number).flatMap(CouponState.init) else {
            throw .field("audit_coupon.gate_state", "not known here, got \(number)")
        }
        unsafe self.init(
            version: raw.gate_version, rev: raw.gate_rev, used: raw.gate_used,
            queued: raw.gate_queued, nextSequence: raw.gate_next_sequence,
            cap: hasCap ? raw.gate_cap : nil,
            terms: CouponTerms(
                total: hasTotal ? raw.gate_total : nil, state: state,
                window: Window(
                    opens: Timestamp(microseconds: raw.gate_opens_at),
                    closes: Timestamp(microseconds: raw.gate_closes_at)),
                isSoldOut: raw.gate_sold_out != 0))
    }
}
