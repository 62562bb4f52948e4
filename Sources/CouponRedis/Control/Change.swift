/// What an admin's change does to a loaded coupon (rules 33 and 34).
public import CouponCore

extension RedisGateControl {
    /// Rule 33: brings the coupon's terms from PostgreSQL, applied only if their version is higher. Clears a
    /// cap that was set under the lock of an earlier version.
    public func set(
        _ coupon: Coupon, partition: PartitionID, epoch: Epoch
    ) throws(BackendError) -> SetResult {
        var packed = ByteWriter(capacity: Layout.terms)
        packed.append(coupon)
        let reply = try run(
            .set, of: partition,
            keys: [
                Keys.gate(partition), Keys.record(coupon.id, partition, epoch),
                Keys.coupons(partition, epoch),
            ],
            [
                .number(epoch), .bytes(Self.pack(coupon.id)), .bytes(packed.bytes),
                .number(options.finishedRetentionMilliseconds),
            ])
        return try reply.setResult()
    }

    /// Rule 34: allows no more than `total` slots from now on, unless more are used already.
    public func cap(
        _ coupon: CouponID, version: Int64, partition: PartitionID, epoch: Epoch, total: Int64
    ) throws(BackendError) -> CapResult {
        let reply = try runAlone(
            .cap, of: partition,
            keys: [Keys.gate(partition), Keys.record(coupon, partition, epoch)],
            [.number(epoch), .bytes(Self.pack(coupon)), .number(version), .number(total)])
        guard let parts = reply.elements, parts.count == 2, let code = parts[0].integerValue,
            let used = parts[1].integerValue
        else { throw .redis(.unexpectedReply("cap: \(reply)")) }
        switch code {
        case 0: return .capped
        case 1: return .notLoaded
        case 2: return .stale
        default: return .refused(used: used)
        }
    }

    /// Rule 55: the gate forgets a coupon that is closed for good, unless it has queued requests.
    public func remove(
        _ coupon: CouponID, version: Int64, partition: PartitionID, epoch: Epoch
    ) throws(BackendError) -> RemoveResult {
        let reply = try runAlone(
            .remove, of: partition,
            keys: [
                Keys.gate(partition), Keys.record(coupon, partition, epoch),
                Keys.holders(coupon, partition, epoch), Keys.claim(coupon, partition, epoch),
                Keys.staged(coupon, partition, epoch), Keys.coupons(partition, epoch),
            ], [.number(epoch), .bytes(Self.pack(coupon)), .number(version)])
        switch try reply.code() {
        case 0: return .removed
        case 1: return .queued
        default: return .stale
        }
    }

    static func pack(_ coupon: CouponID) -> [UInt8] {
        var writer = ByteWriter(capacity: Layout.id)
        writer.append(coupon)
        return writer.bytes
    }

    static func pack(_ user: UserID) -> [UInt8] {
        var writer = ByteWriter(capacity: Layout.id)
        writer.append(user)
        return writer.bytes
    }
}

extension Reply {
    /// From the reply of set.lua or letter.lua.
    func setResult() throws(BackendError) -> SetResult {
        switch try code() {
        case 0: .current
        case 1: .notLoaded
        case 3: .loading
        default: .stale
        }
    }
}
