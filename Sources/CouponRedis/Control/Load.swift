/// Loading a coupon with its holders (rules 30 and 32), and unloading it (rule 41).
public import CouponCore

extension RedisGateControl {
    /// A claim that has not moved for so long is free, in milliseconds.
    private static let claimMilliseconds: Int64 = 5_000

    /// Rule 32: only this load may stage the coupon's holders, until it ends or stops for too long.
    public func claim(
        _ coupon: CouponID, partition: PartitionID, epoch: Epoch, load: LoadNumber
    ) throws(BackendError) -> ClaimResult {
        let code = try run(
            .claim, of: partition,
            keys: [
                Keys.gate(partition), Keys.record(coupon, partition, epoch),
                Keys.claim(coupon, partition, epoch), Keys.staged(coupon, partition, epoch),
                Keys.coupons(partition, epoch),
            ],
            [.number(epoch), .bytes(Self.pack(load)), .number(Self.claimMilliseconds)]
        ).code()
        switch code {
        case 0: return .claimed
        case 1: return .alreadyLoaded
        case 2: return .stale
        case 4: return .filling
        default: return .elsewhere
        }
    }

    /// Writes holders beside the coupon, or into a coupon that is filling, in many calls and any order. False
    /// if the claim, the epoch or the status has changed.
    public func stage(
        _ holders: [LoadedHolder], of coupon: CouponID, partition: PartitionID, epoch: Epoch,
        load: LoadNumber?
    ) throws(BackendError) -> Bool {
        let evaluations = staging(holders, coupon, partition, epoch, load)
        guard !evaluations.isEmpty else { return true }
        for reply in try run(evaluations, of: partition) where try !reply.done() { return false }
        return true
    }

    private func staging(
        _ holders: [LoadedHolder], _ coupon: CouponID, _ partition: PartitionID, _ epoch: Epoch,
        _ load: LoadNumber?
    ) -> [Evaluation] {
        let keys = [
            Keys.gate(partition), Keys.claim(coupon, partition, epoch),
            Keys.staged(coupon, partition, epoch), Keys.coupons(partition, epoch),
            Keys.record(coupon, partition, epoch), Keys.holders(coupon, partition, epoch),
        ]
        return stride(from: 0, to: holders.count, by: Limits.holdersPerCommand).map { start in
            let part = holders[start..<min(start + Limits.holdersPerCommand, holders.count)]
            var packed = ByteWriter(capacity: part.count * Layout.stagedHolder)
            for holder in part {
                packed.append(holder.user)
                packed.append(holder.holder)
            }
            return Evaluation(
                script: load == nil ? .stageInRebuild : .stage, keys: keys,
                arguments: [
                    .number(epoch), .bytes(load.map(Self.pack) ?? []), .number(coupon.rawValue),
                    .bytes(packed.bytes),
                ])
        }
    }

    /// Rules 30 and 32: gives coupons whose holders are staged their records, each in one step. Their `rev`
    /// is higher than every earlier one in this partition.
    public func load(
        _ coupons: [LoadedCoupon], partition: PartitionID, epoch: Epoch, load: LoadNumber?
    ) throws(BackendError) -> LoadResult {
        let evaluations = coupons.flatMap { coupon in
            staging(coupon.holders, coupon.marks.coupon.id, partition, epoch, load)
                + [naming(coupon, partition, epoch, load)]
        }
        guard !evaluations.isEmpty else { return .loaded }
        let replies = try run(evaluations, of: partition)
        var worst = LoadResult.loaded
        for (evaluation, reply) in zip(evaluations, replies) where evaluation.script.isLoad {
            switch try reply.code() {
            case 0: break
            case 1: if worst == .loaded { worst = .alreadyLoaded }
            case 2: return .superseded
            default: worst = .incomplete
            }
        }
        return worst
    }

    private func naming(
        _ coupon: LoadedCoupon, _ partition: PartitionID, _ epoch: Epoch, _ load: LoadNumber?
    ) -> Evaluation {
        let id = coupon.marks.coupon.id
        var packed = ByteWriter(capacity: Layout.terms)
        packed.append(coupon.marks.coupon)
        return Evaluation(
            script: load == nil ? .loadInRebuild : .load,
            keys: [
                Keys.gate(partition), Keys.record(id, partition, epoch),
                Keys.holders(id, partition, epoch), Keys.claim(id, partition, epoch),
                Keys.staged(id, partition, epoch), Keys.coupons(partition, epoch),
            ],
            arguments: [
                .number(epoch), .bytes(load.map(Self.pack) ?? []), .number(coupon.holderCount),
                .bytes(packed.bytes), .number(coupon.marks.used),
                .number(coupon.marks.nextSequence),
                .number(options.finishedRetentionMilliseconds), .bytes(Self.pack(id)),
                .number(coupon.isFilling ? 1 : 0),
            ])
    }

    /// Rule 53: all issued users of a coupon that is filling are at the gate. False if the claim, the epoch
    /// or the status has changed, or the coupon is no longer loaded.
    public func complete(
        _ coupon: CouponID, partition: PartitionID, epoch: Epoch, load: LoadNumber
    ) throws(BackendError) -> Bool {
        try run(
            .complete, of: partition,
            keys: [
                Keys.gate(partition), Keys.record(coupon, partition, epoch),
                Keys.claim(coupon, partition, epoch),
            ], [.number(epoch), .bytes(Self.pack(load))]
        ).done()
    }

    /// Removes what an abandoned load has staged.
    public func abandon(
        _ coupon: CouponID, partition: PartitionID, epoch: Epoch, load: LoadNumber
    ) throws(BackendError) {
        _ = try run(
            .abandon, of: partition,
            keys: [
                Keys.claim(coupon, partition, epoch), Keys.staged(coupon, partition, epoch),
            ], [.bytes(Self.pack(load))])
    }

    /// Rule 41.
    /// - Returns: whether more coupons are due.
    public func unload(
        _ partition: PartitionID, epoch: Epoch, limit: Int
    ) throws(BackendError) -> Bool {
        let checked = try run(
            .unload, of: partition, keys: [Keys.gate(partition), Keys.coupons(partition, epoch)],
            [
                .number(epoch), .number(options.finishedRetentionMilliseconds),
                .number(Int64(limit)), .number(Self.claimMilliseconds),
            ]
        ).code()
        return checked >= Int64(limit)
    }

    private static func pack(_ load: LoadNumber) -> [UInt8] {
        var writer = ByteWriter(capacity: Layout.id)
        writer.append(load)
        return writer.bytes
    }
}

extension Script {
    fileprivate var isLoad: Bool { self == .load || self == .loadInRebuild }
}
