/// What an admin's change does to a loaded coupon (rules 33 and 34), and looking at one.
public import CouponCore

extension RedisGateControl {
    /// Rule 33: the coupon as PostgreSQL has it now; taken only if its version is higher. Clears
    /// a cap that was set under the lock of an earlier version.
    public func set(
        _ coupon: Coupon, partition: PartitionID, epoch: Epoch
    ) throws(GateControlError) -> SetResult {
        var packed = ByteWriter(capacity: 34)
        packed.append(coupon)
        let reply = try run(
            .set,
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

    /// Rule 34: no more than `total` slots from now on, if no more are used.
    public func cap(
        _ coupon: CouponID, version: Int64, partition: PartitionID, epoch: Epoch, total: Int64
    ) throws(GateControlError) -> CapResult {
        let reply = try run(
            .cap, keys: [Keys.gate(partition), Keys.record(coupon, partition, epoch)],
            [.number(epoch), .bytes(Self.pack(coupon)), .number(version), .number(total)])
        guard let parts = reply.elements, parts.count == 2, let code = parts[0].integerValue,
            let used = parts[1].integerValue
        else { throw .unexpectedReply("cap: \(reply)") }
        switch code {
        case 0: return .capped
        case 1: return .notLoaded
        case 2: return .stale
        default: return .refused(used: used)
        }
    }

    /// The gate, and what it knows of a coupon and of one user.
    public func inspect(
        _ coupon: CouponID, partition: PartitionID, user: UserID?
    ) throws(GateControlError) -> GateInspection {
        dropIfClosed()
        return try perform { connection throws(GateControlError) in
            // The keys are named by the epoch, so it is asked for first; where it moves
            // meanwhile, again.
            var epoch: Epoch = 0
            while true {
                let reply = try self.run(
                    .inspect,
                    keys: [
                        Keys.gate(partition), Keys.record(coupon, partition, epoch),
                        Keys.holders(coupon, partition, epoch),
                    ],
                    [.bytes(user.map(Self.pack) ?? [])], on: connection)
                guard let inspection = GateInspection(reply) else {
                    throw .unexpectedReply("inspect: \(reply)")
                }
                if inspection.epoch == epoch { return inspection }
                epoch = inspection.epoch
            }
        }
    }

    static func pack(_ coupon: CouponID) -> [UInt8] {
        var writer = ByteWriter(capacity: 8)
        writer.append(coupon)
        return writer.bytes
    }

    static func pack(_ user: UserID) -> [UInt8] {
        var writer = ByteWriter(capacity: 8)
        writer.append(user)
        return writer.bytes
    }
}

extension Reply {
    /// What set.lua and letter.lua answer.
    func setResult() throws(GateControlError) -> SetResult {
        switch try code() {
        case 0: .current
        case 1: .notLoaded
        default: .stale
        }
    }
}

extension GateInspection {
    /// From the reply of inspect.lua; nil where it is another.
    fileprivate init?(_ reply: Reply) {
        guard let parts = reply.elements, parts.count == 8,
            let status = parts[0].integerValue.flatMap({ GateStatus(rawValue: UInt8(clamping: $0)) }
            ),
            let epoch = parts[1].integerValue, let settledEpoch = parts[2].integerValue,
            let settledN = parts[3].integerValue, let tail = parts[4].integerValue,
            let now = parts[5].integerValue
        else { return nil }
        let record = GateRecord(parts[6])
        var holder: GateHolder?
        if let bytes = parts[7].bytesValue {
            var reader = ByteReader(bytes)
            holder = reader.holder()
            if holder == nil { return nil }
        }
        if record == nil && parts[6] != .none { return nil }
        self.init(
            status: status, epoch: epoch, settled: Position(epoch: settledEpoch, n: settledN),
            tail: tail, now: Timestamp(microseconds: now), record: record,
            holder: holder)
    }
}

extension GateRecord {
    /// From the reply of inspect.lua; nil where it is another.
    init?(_ reply: Reply) {
        guard let parts = reply.elements, parts.count == 11 else { return nil }
        // What is beyond is none of ours, and must not overflow where it is added to.
        let numbers = parts.dropLast().compactMap(\.integerValue).map {
            min(max(-1, $0), Limits.maximumNumber)
        }
        guard numbers.count == 10, let state = CouponState(rawValue: UInt8(clamping: numbers[6]))
        else { return nil }
        let terms = CouponTerms(
            total: numbers[5] < 0 ? nil : numbers[5], state: state,
            window: Window(
                opens: Timestamp(microseconds: numbers[8]),
                closes: Timestamp(microseconds: numbers[9])),
            isSoldOut: numbers[7] != 0)
        self.init(
            version: numbers[0], rev: numbers[1], used: numbers[2], queued: numbers[3],
            nextSequence: numbers[4],
            cap: parts[10].integerValue.map { min(max(0, $0), Limits.maximumNumber) }, terms: terms)
    }
}
