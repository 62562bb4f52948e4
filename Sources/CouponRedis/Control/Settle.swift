/// What follows a commit, and the heartbeats between commits (rules 21 to 24).
public import CouponCore

extension RedisGateControl {
    /// Rules 21 to 23, exactly once, then reads what has come after it. Nil if the gate has another epoch or
    /// `settled`, or Redis another history.
    public func settle(
        _ settlement: Settlement, thenReading maximumRequests: Int
    ) throws(BackendError) -> GateView? {
        let partition = settlement.partition
        let settling = settling(settlement)
        let reading = Self.reading(
            partition, after: settlement.to, maximumRequests: maximumRequests)
        return try perform { connection throws(BackendError) in
            let replies = try self.run([settling, reading], on: connection)
            guard try replies[0].done() else { return nil }
            return try Self.view(replies[1])
        }
    }

    private func settling(_ settlement: Settlement) -> Evaluation {
        let partition = settlement.partition
        // The coupon of each rejected request needs a place in the list, even if the caller did not count it.
        var ids: [CouponID: UInt32] = [:]
        var coupons = settlement.coupons
        for (index, coupon) in coupons.enumerated() { ids[coupon.id] = UInt32(index + 1) }
        for rejection in settlement.rejections where ids[rejection.accepted.coupon] == nil {
            coupons.append(
                SettledCoupon(id: rejection.accepted.coupon, coupon: nil, requests: 0))
            ids[rejection.accepted.coupon] = UInt32(coupons.count)
        }
        var rejections = ByteWriter(capacity: settlement.rejections.count * Layout.rejection)
        for rejection in settlement.rejections {
            rejections.append(rejection, couponIndex: ids[rejection.accepted.coupon] ?? 0)
        }
        var packed = ByteWriter(capacity: coupons.count * Layout.settledCoupon)
        var keys = [
            Keys.gate(partition), Keys.queue(partition),
            Keys.coupons(partition, settlement.epoch),
        ]
        for coupon in coupons {
            packed.append(coupon)
            keys.append(Keys.record(coupon.id, partition, settlement.epoch))
            keys.append(Keys.holders(coupon.id, partition, settlement.epoch))
        }
        return Evaluation(
            script: .settle, keys: keys,
            arguments: [
                .number(settlement.epoch), .number(settlement.from.epoch),
                .number(settlement.from.n), .number(settlement.to.epoch),
                .number(settlement.to.n), .number(settlement.isRecovery ? 1 : 0),
                .number(options.finishedRetentionMilliseconds),
                .number(min(max(0, settlement.issuedAt.microseconds), 1 << 53)),
                .bytes(packed.bytes), .bytes(rejections.bytes),
                .text(settlement.identity.replicationID),
            ])
    }

    /// Publishes how far partitions are settled (rule 24), and reads each of them after its cursor. Nil for a
    /// partition whose gate is not open in its epoch.
    public func heartbeat(_ rows: [PartitionRow]) throws(BackendError) -> [GateView?] {
        try perform { connection throws(BackendError) in
            let replies = try self.run(
                rows.flatMap { row in
                    [
                        Evaluation(
                            script: .heartbeat, keys: [Keys.gate(row.id)],
                            arguments: [.number(row.epoch)]),
                        Self.reading(row.id, after: row.cursor, maximumRequests: 1),
                    ]
                }, on: connection)
            var views: [GateView?] = []
            for index in rows.indices {
                let isOpen = try replies[2 * index].done()
                views.append(isOpen ? try Self.view(replies[2 * index + 1]) : nil)
            }
            return views
        }
    }
}

extension ByteWriter {
    /// `Layout.settledCoupon` bytes; a coupon that PostgreSQL no longer has is padded.
    fileprivate mutating func append(_ settled: SettledCoupon) {
        append(settled.id)
        append(settled.requests)
        append(settled.coupon == nil ? 0 as UInt8 : 1)
        if let coupon = settled.coupon {
            append(coupon)
        } else {
            for _ in 0..<Layout.terms { append(0 as UInt8) }
        }
    }

    /// `Layout.rejection` bytes.
    fileprivate mutating func append(_ rejection: Rejection, couponIndex: UInt32) {
        append(couponIndex)
        append(rejection.accepted.user)
        append(rejection.accepted.sequence)
        append(rejection.position.epoch)
        append(rejection.position.n)
        append(rejection.reason.rawValue)
        append(rejection.issued == nil ? 0 as UInt8 : 1)
        append(rejection.issued?.sequence ?? 0)
        append(rejection.issued?.requestID ?? .empty)
    }
}
