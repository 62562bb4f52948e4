// The raw figures of one coupon, from libprotobuf-c's struct to a value.

internal import CCouponProto
internal import CProtobufC
internal import CouponDomain

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
