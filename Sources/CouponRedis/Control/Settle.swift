/// What follows a commit, and the signs of life between commits (rules 21 to 24).
public import CouponCore

extension RedisGateControl {
    /// Rules 21 to 23, exactly once: false where the gate has another epoch or `settled`, or Redis another
    /// history.
    public func settle(_ settlement: Settlement) throws(GateControlError) -> Bool {
        let partition = settlement.partition
        // Every refused request's coupon needs a place in the list, whether or not the caller
        // counted it.
        var ids: [CouponID: UInt32] = [:]
        var coupons = settlement.coupons
        for (index, coupon) in coupons.enumerated() { ids[coupon.id] = UInt32(index + 1) }
        for refusal in settlement.refusals where ids[refusal.holding.coupon] == nil {
            coupons.append(
                SettledCoupon(id: refusal.holding.coupon, coupon: nil, requests: 0))
            ids[refusal.holding.coupon] = UInt32(coupons.count)
        }
        var refusals = ByteWriter(capacity: settlement.refusals.count * 63)
        for refusal in settlement.refusals {
            refusals.append(refusal, couponIndex: ids[refusal.holding.coupon] ?? 0)
        }
        var packed = ByteWriter(capacity: coupons.count * 51)
        var keys = [Keys.gate(partition), Keys.queue(partition)]
        for coupon in coupons {
            packed.append(coupon)
            keys.append(Keys.record(coupon.id, partition, settlement.epoch))
            keys.append(Keys.holders(coupon.id, partition, settlement.epoch))
        }
        return try run(
            .settle, keys: keys,
            [
                .number(settlement.epoch), .number(settlement.from.epoch),
                .number(settlement.from.n), .number(settlement.to.epoch),
                .number(settlement.to.n), .number(settlement.isRecovery ? 1 : 0),
                .number(options.finishedRetentionMilliseconds),
                .number(min(max(0, settlement.issuedAt.microseconds), 1 << 53)),
                .bytes(packed.bytes), .bytes(refusals.bytes),
                .text(settlement.identity.replicationID),
            ]
        ).done()
    }

    /// Publishes how far the partition is settled. False where the gate is not open in that epoch.
    public func heartbeat(
        _ partition: PartitionID, epoch: Epoch
    ) throws(GateControlError) -> Bool {
        try run(.heartbeat, keys: [Keys.gate(partition)], [.number(epoch)]).done()
    }
}

extension ByteWriter {
    /// 51 bytes; a coupon that PostgreSQL has no more is padded.
    fileprivate mutating func append(_ settled: SettledCoupon) {
        append(settled.id)
        append(settled.requests)
        append(settled.coupon == nil ? 0 as UInt8 : 1)
        if let coupon = settled.coupon {
            append(coupon)
        } else {
            for _ in 0..<34 { append(0 as UInt8) }
        }
    }

    /// 63 bytes.
    fileprivate mutating func append(_ refusal: Refusal, couponIndex: UInt32) {
        append(couponIndex)
        append(refusal.holding.user)
        append(refusal.holding.sequence)
        append(refusal.position.epoch)
        append(refusal.position.n)
        append(refusal.reason.rawValue)
        append(refusal.issued == nil ? 0 as UInt8 : 1)
        append(refusal.issued?.sequence ?? 0)
        append(refusal.issued?.requestID ?? .empty)
    }
}
