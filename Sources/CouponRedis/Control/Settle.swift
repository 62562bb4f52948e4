/// What follows a commit, and the heartbeats between commits (rules 21 to 24).
public import CouponCore

extension RedisGateControl {
    /// Settles exactly once (rules 21 to 23), and then reads what has come after that. Nil if the gate has
    /// another epoch or `settled`, or if Redis has another history.
    public func settle(
        _ settlement: Settlement, thenReading maximumRequests: Int
    ) throws(BackendError) -> GateView? {
        let partition = settlement.partition
        let settling = settling(settlement)
        let reading = Self.reading(
            partition, after: settlement.to, maximumRequests: maximumRequests)
        let replies = try run([settling, reading], of: partition)
        guard try replies[0].done() else { return nil }
        return try Self.view(replies[1])
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

    /// Publishes how far partitions are settled (rule 24), and reads each queue after its cursor: one round
    /// trip for each node. Nil for a partition whose gate is not open in its epoch.
    public func heartbeat(_ rows: [PartitionRow]) -> [Result<GateView?, BackendError>] {
        var results = rows.map { row -> Result<GateView?, BackendError> in
            .failure(Self.noNode(of: row.id))
        }
        for (node, numbers) in byNode(Array(rows.indices), { rows[$0].id }) {
            do throws(BackendError) {
                let views = try heartbeat(numbers.map { rows[$0] }, at: node)
                for (number, view) in zip(numbers, views) { results[number] = view }
            } catch {
                for number in numbers { results[number] = .failure(error) }
            }
        }
        return results
    }

    private func heartbeat(
        _ rows: [PartitionRow], at node: NodeControl
    ) throws(BackendError) -> [Result<GateView?, BackendError>] {
        try node.perform { connection throws(BackendError) in
            let replies = try node.replies(
                to: rows.flatMap { row in
                    [
                        Evaluation(
                            script: .heartbeat, keys: [Keys.gate(row.id)],
                            arguments: [.number(row.epoch)]),
                        Self.reading(row.id, after: row.cursor, maximumRequests: 1),
                    ]
                }, on: connection)
            return rows.indices.map { index in
                Result { () throws(BackendError) -> GateView? in
                    for case .error(let text) in replies[2 * index...2 * index + 1] {
                        throw connection.error(text)
                    }
                    let isOpen = try replies[2 * index].done()
                    return isOpen ? try Self.view(replies[2 * index + 1]) : nil
                }
            }
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
