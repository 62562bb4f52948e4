// The raw figures of one coupon, from libprotobuf-c's struct to a value.

internal import CCouponProto
internal import CProtobufC
internal import CouponCore

extension CouponAudit {
    init(_ raw: Coupond__V1__AuditCouponResponse) throws(Failure) {
        unsafe self.init(
            accounts: try LedgerAccounts(raw), gate: raw.loaded != 0 ? GateRecord(raw) : nil,
            queueRequests: raw.queue_requests, gateSaysSoldOut: raw.gate_says_sold_out != 0,
            workers: Int(raw.workers), workersClosed: Int(raw.workers_closed))
    }
}

extension LedgerAccounts {
    fileprivate init(_ raw: Coupond__V1__AuditCouponResponse) throws(Failure) {
        let hasLowest =
            unsafe raw.maybe_lowest_sequence_case
            == COUPOND__V1__AUDIT_COUPON_RESPONSE__MAYBE_LOWEST_SEQUENCE_LOWEST_SEQUENCE
        let hasHighest =
            unsafe raw.maybe_highest_sequence_case
            == COUPOND__V1__AUDIT_COUPON_RESPONSE__MAYBE_HIGHEST_SEQUENCE_HIGHEST_SEQUENCE
        unsafe self.init(
            coupon: try Coupon(try Field.message(raw.coupon, "audit_coupon.coupon")),
            issued: raw.rows, lowestSequence: hasLowest ? raw.lowest_sequence : nil,
            highestSequence: hasHighest ? raw.highest_sequence : nil,
            repeatedSequences: raw.repeated_sequences, rejected: raw.rejected,
            deadLettered: raw.dead_lettered,
            cursor: Position(epoch: raw.cursor_epoch, n: raw.cursor_n))
    }
}

extension GateRecord {
    fileprivate init(_ raw: Coupond__V1__AuditCouponResponse) {
        let hasCap =
            unsafe raw.maybe_gate_cap_case
            == COUPOND__V1__AUDIT_COUPON_RESPONSE__MAYBE_GATE_CAP_GATE_CAP
        unsafe self.init(
            version: raw.gate_version, rev: raw.gate_rev, used: raw.gate_used,
            queued: raw.gate_queued, nextSequence: raw.gate_next_sequence,
            cap: hasCap ? raw.gate_cap : nil)
    }
}
