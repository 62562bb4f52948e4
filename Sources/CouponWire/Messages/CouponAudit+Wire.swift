// The raw figures of one coupon.

internal import CCouponProto
internal import CouponDomain

private typealias Figures = Part<Coupond__V1__AuditCouponResponse>

extension Coupond__V1__AuditCouponResponse: WireMessage {}

extension MessageArena {
    @_lifetime(borrow self)
    func audit(_ audit: CouponAudit) throws(Failure) -> Part<Coupond__V1__AuditCouponResponse> {
        let part = try make(Coupond__V1__AuditCouponResponse.self)
        part.coupon = try coupon(audit.accounts.coupon)
        part[\.queue_requests, \.maybe_queue_requests_case, .present] = audit.queueRequests
        part.gate_says_sold_out = audit.gateSaysSoldOut
        part.workers = UInt32(clamping: audit.workers)
        part.workers_closed = UInt32(clamping: audit.workersClosed)
        if let gate = audit.gate { gate.write(to: part) }
        audit.place.write(to: part)
        audit.accounts.write(to: part)
        if let rows = audit.accounts.rows { rows.write(to: part) }
        return part
    }
}

extension GateRecord {
    fileprivate func write(to part: Figures) {
        part.loaded = true
        part.gate_version = version
        part.gate_rev = rev
        part.gate_used = used
        part.gate_queued = queued
        part.gate_next_sequence = nextSequence
        part[\.gate_cap, \.maybe_gate_cap_case, .present] = cap
        part[\.gate_total, \.maybe_gate_total_case, .present] = terms.total
        part.gate_opens_at = terms.window.opens.microseconds
        part.gate_closes_at = terms.window.closes.microseconds
        part.gate_state = Coupond__V1__CouponState(rawValue: UInt32(terms.state.rawValue))
        part.gate_sold_out = terms.isSoldOut
    }
}

extension GatePlace {
    fileprivate func write(to part: Figures) {
        part.gate_open = isOpen
        part.gate_epoch = epoch
        part.gate_settled_epoch = settled.epoch
        part.gate_settled_n = settled.n
        part.gate_tail = tail
    }
}

extension LedgerAccounts {
    fileprivate func write(to part: Figures) {
        part.last_sequence = coupon.lastSequence
        part.rejected = rejected
        part.dead_lettered = deadLettered
        part.discarded = discarded
        part.unsynced = unsynced
        part.unreadable = unreadable
        part.incomplete = !isComplete
        part.epoch = epoch
        part.cursor_epoch = cursor.epoch
        part.cursor_n = cursor.n
    }
}

extension IssuedRows {
    fileprivate func write(to part: Figures) {
        part.maybe_rows_case = .present
        part.rows = count
        part.repeated_sequences = repeated
        part[\.lowest_sequence, \.maybe_lowest_sequence_case, .present] = lowest
        part[\.highest_sequence, \.maybe_highest_sequence_case, .present] = highest
    }
}

extension CouponAudit {
    init(_ raw: Part<Coupond__V1__AuditCouponResponse>) throws(Failure) {
        self.init(
            accounts: try LedgerAccounts(raw), gate: raw.loaded ? try GateRecord(raw) : nil,
            place: GatePlace(
                isOpen: raw.gate_open, epoch: raw.gate_epoch,
                settled: Position(epoch: raw.gate_settled_epoch, n: raw.gate_settled_n),
                tail: raw.gate_tail),
            queueRequests: raw[\.queue_requests, \.maybe_queue_requests_case, .present],
            gateSaysSoldOut: raw.gate_says_sold_out, workers: Int(raw.workers),
            workersClosed: Int(raw.workers_closed))
    }
}

extension LedgerAccounts {
    fileprivate init(_ raw: Figures) throws(Failure) {
        var coupon = try Coupon(try Field.message(raw.coupon, "audit_coupon.coupon"))
        coupon.lastSequence = raw.last_sequence
        self.init(
            coupon: coupon, epoch: raw.epoch,
            cursor: Position(epoch: raw.cursor_epoch, n: raw.cursor_n),
            rows: raw.maybe_rows_case == .present ? IssuedRows(raw) : nil, rejected: raw.rejected,
            deadLettered: raw.dead_lettered, discarded: raw.discarded,
            unsynced: raw.unsynced, unreadable: raw.unreadable, isComplete: !raw.incomplete)
    }
}

extension IssuedRows {
    fileprivate init(_ raw: Figures) {
        self.init(
            count: raw.rows,
            lowest: raw[\.lowest_sequence, \.maybe_lowest_sequence_case, .present],
            highest: raw[\.highest_sequence, \.maybe_highest_sequence_case, .present],
            repeated: raw.repeated_sequences)
    }
}

extension GateRecord {
    fileprivate init(_ raw: Figures) throws(Failure) {
        let number = raw.gate_state.rawValue
        guard let state = UInt8(exactly: number).flatMap(CouponState.init) else {
            throw .field("audit_coupon.gate_state", "not known here, got \(number)")
        }
        self.init(
            version: raw.gate_version, rev: raw.gate_rev, used: raw.gate_used,
            queued: raw.gate_queued, nextSequence: raw.gate_next_sequence,
            cap: raw[\.gate_cap, \.maybe_gate_cap_case, .present],
            terms: CouponTerms(
                total: raw[\.gate_total, \.maybe_gate_total_case, .present],
                state: state,
                window: Window(
                    opens: Timestamp(microseconds: raw.gate_opens_at),
                    closes: Timestamp(microseconds: raw.gate_closes_at)),
                isSoldOut: raw.gate_sold_out))
    }
}
