/// Fencing, counting, opening and sweeping a partition's gate (rules 27 to 31).
public import CouponCore
internal import Logging

extension RedisGateControl {
    /// Rules 27 and 50. False if the gate has this epoch or a later one, or Redis another term. Throws if the
    /// gate belongs to another installation: two databases must not share one Redis.
    public func fence(_ row: PartitionRow) throws(BackendError) -> Bool {
        let code = try run(
            .fence, of: row.id,
            keys: [
                Keys.gate(row.id), Keys.queue(row.id), Keys.epochs(row.id), Keys.copy(row.id),
            ],
            [
                .number(row.epoch), .text(row.installID), .number(row.cursor.epoch),
                .number(row.cursor.n), .term(row.redisTerm),
            ]
        ).code()
        guard code >= 0 else {
            throw .redis(
                .refused(
                    "partition \(row.id.rawValue) in this Redis belongs to another installation"))
        }
        return code > 0
    }

    /// Rule 45. False if the gate is not fenced with the row's epoch.
    public func move(
        _ move: inout QueueMove, of row: PartitionRow, limit: Int
    ) throws(BackendError) -> Bool {
        let reply = try run(
            .move, of: row.id, keys: [Keys.gate(row.id), Keys.queue(row.id), Keys.copy(row.id)],
            [
                .number(row.epoch), .text(move.copied), .text(move.after), .number(Int64(limit)),
                .number(Limits.bytesPerMove), .text(row.cursor.description),
            ])
        guard var fields = ReplyFields(reply), let state = fields.integer(),
            let removed = fields.integer(), let copied = fields.text(),
            let after = fields.text(), fields.isAtEnd
        else { throw .redis(.unexpectedReply("move: \(reply)".prefix(500).description)) }
        guard state > 0 else { return false }
        (move.copied, move.after, move.isOver) = (copied, after, state == 1)
        if removed > 0 {
            logger.error(
                "queue entries of another program were removed",
                metadata: [
                    LogKey.partition: "\(row.id.rawValue)", LogKey.count: "\(removed)",
                ])
        }
        return true
    }

    /// Fences a gate that is known to be wrong, if it is open; its owner then rebuilds it.
    public func distrust(_ partition: PartitionID) throws(BackendError) -> Epoch {
        try runAlone(.distrust, of: partition, keys: [Keys.gate(partition)], []).code()
    }

    /// Rule 43. False if the gate is no longer fenced with that epoch.
    public func beat(
        _ partition: PartitionID, epoch: Epoch
    ) throws(BackendError) -> Bool {
        try run(.beat, of: partition, keys: [Keys.gate(partition)], [.number(epoch)]).done()
    }

    /// Rule 30. False if the gate is not fenced with this epoch, or has not counted up to `from`.
    public func count(
        _ requests: [PlacedRequest], from: Position, to: Position, partition: PartitionID,
        epoch: Epoch
    ) throws(BackendError) -> Bool {
        let coupons = CountedCoupon.all(in: requests)
        var keys = [Keys.gate(partition)]
        var heads = ByteWriter(capacity: coupons.count * Layout.countedCoupon)
        var packed = ByteWriter(capacity: requests.count * Layout.stagedHolder)
        for coupon in coupons {
            keys.append(Keys.record(coupon.id, partition, epoch))
            keys.append(Keys.holders(coupon.id, partition, epoch))
            heads.append(Int64(coupon.requests.count))
            heads.append(coupon.largestSequence)
            for request in coupon.requests {
                packed.append(request.accepted.user)
                packed.append(
                    GateHolder(
                        sequence: request.accepted.sequence, position: request.position,
                        requestID: request.accepted.requestID, rejection: nil))
            }
        }
        return try run(
            .count, of: partition, keys: keys,
            [
                .number(epoch), .number(from.epoch), .number(from.n), .number(to.epoch),
                .number(to.n), .bytes(heads.bytes), .bytes(packed.bytes),
            ]
        ).done()
    }

    /// Rules 31 and 50. False if the gate is not fenced with this epoch, has counted another part of the
    /// queue, or Redis has another history or term than the row's.
    public func open(
        _ row: PartitionRow, counted: Position
    ) throws(BackendError) -> Bool {
        try run(
            .open, of: row.id, keys: [Keys.gate(row.id), Keys.queue(row.id)],
            [
                .number(row.epoch), .number(counted.epoch), .number(counted.n),
                .number(row.cursor.epoch), .number(row.cursor.n),
                .text(row.identity?.replicationID ?? ""), .term(row.redisTerm),
            ]
        ).done()
    }

    /// Unlinks what earlier epochs left behind, at most `limit` coupons. Keys of a fenced epoch are not
    /// written any more, so this needs no script.
    /// - Returns: whether more is left.
    public func sweep(
        _ partition: PartitionID, before epoch: Epoch, limit: Int
    ) throws(BackendError) -> Bool {
        guard let old = try epochs(of: partition).first(where: { $0 < epoch }) else {
            return false
        }
        let index = Keys.coupons(partition, old)
        let coupons = try list("first coupons", index, of: partition, limit: limit).found
            .compactMap { $0.text.flatMap { Int64($0) } }.map { CouponID($0) }
        return try perform(partition) { connection throws(BackendError) in
            guard !coupons.isEmpty else {
                _ = try connection.call(Command("UNLINK", index))
                _ = try connection.call(Command("SREM", Keys.epochs(partition), String(old)))
                return true
            }
            try connection.unlink(coupons.flatMap { Keys.all($0, partition, old) })
            var command = Command(argumentCount: 2 + coupons.count)
            command.append("ZREM")
            command.append(index)
            for coupon in coupons { command.append(coupon.rawValue) }
            _ = try connection.call(command)
            return true
        }
    }
}

extension BlockingConnection {
    fileprivate func unlink(_ keys: [String]) throws(BackendError) {
        var command = Command(argumentCount: 1 + keys.count)
        command.append("UNLINK")
        for key in keys { command.append(key) }
        _ = try call(command)
    }
}

/// The requests of one coupon that count.lua counts.
private struct CountedCoupon {
    let id: CouponID
    var requests: [PlacedRequest] = []
    var largestSequence: Int64 = 0

    /// The coupons of these requests; each has its requests in their order.
    static func all(in requests: [PlacedRequest]) -> [CountedCoupon] {
        var coupons: [CountedCoupon] = []
        var indices: [CouponID: Int] = [:]
        for request in requests {
            let id = request.accepted.coupon
            let index = indices[id] ?? coupons.count
            if index == coupons.count {
                indices[id] = index
                coupons.append(CountedCoupon(id: id))
            }
            coupons[index].requests.append(request)
            coupons[index].largestSequence = max(
                coupons[index].largestSequence, request.accepted.sequence)
        }
        return coupons
    }
}
