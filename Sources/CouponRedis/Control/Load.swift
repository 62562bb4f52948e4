/// Loading a coupon with its holders (rules 30 and 32), and unloading it (rule 41).
public import CouponCore

extension RedisGateControl {
    /// How long a claim may stand still before it is free, in milliseconds.
    private static let claimMilliseconds: Int64 = 5_000

    /// Rule 32: only this load may stage the coupon's holders, until it ends or stops for too long.
    public func claim(
        _ coupon: CouponID, partition: PartitionID, epoch: Epoch, load: LoadNumber
    ) throws(BackendError) -> ClaimResult {
        let place = CouponPlace(coupon, partition, epoch: epoch)
        return try ClaimResult(run([claiming(place, load)], of: partition)[0])
    }

    /// The same for many coupons, in one round trip for each node.
    public func claim(
        _ coupons: [CouponPlace], load: LoadNumber
    ) -> [Result<ClaimResult, BackendError>] {
        runEach(coupons, { $0.partition }, { [claiming($0, load)] }) {
            reply throws(BackendError) in try ClaimResult(reply)
        }
    }

    private func claiming(_ place: CouponPlace, _ load: LoadNumber) -> Evaluation {
        let (coupon, partition, epoch) = (place.coupon, place.partition, place.epoch)
        return Evaluation(
            script: .claim,
            keys: [
                Keys.gate(partition), Keys.record(coupon, partition, epoch),
                Keys.claim(coupon, partition, epoch), Keys.staged(coupon, partition, epoch),
                Keys.coupons(partition, epoch),
            ],
            arguments: [
                .number(epoch), .bytes(Self.pack(load)), .number(Self.claimMilliseconds),
            ])
    }

    /// Writes holders beside the coupon, or into a coupon that is filling, in many calls and any order. False
    /// if the claim, the epoch or the status has changed.
    public func stage(
        _ holders: [LoadedHolder], of coupon: CouponID, partition: PartitionID, epoch: Epoch,
        load: LoadNumber?, during work: () -> Void
    ) throws(BackendError) -> Bool {
        let evaluations = staging(holders, coupon, partition, epoch, load)
        guard !evaluations.isEmpty else { return true }
        let replies = try run(evaluations, of: partition, during: work)
        for reply in replies where try !reply.done() { return false }
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
        let evaluations = coupons.flatMap { loading($0, partition, epoch, load) }
        guard !evaluations.isEmpty else { return .loaded }
        let replies = try run(evaluations, of: partition)
        var worst = LoadResult.loaded
        for (evaluation, reply) in zip(evaluations, replies) where evaluation.script.isLoad {
            switch try LoadResult(reply) {
            case .loaded: break
            case .alreadyLoaded: if worst == .loaded { worst = .alreadyLoaded }
            case .superseded: return .superseded
            case .incomplete: worst = .incomplete
            }
        }
        return worst
    }

    /// The same for coupons of many partitions, in one round trip for each node.
    public func load(
        _ coupons: [(coupon: LoadedCoupon, place: CouponPlace)], load: LoadNumber
    ) -> [Result<LoadResult, BackendError>] {
        runEach(
            coupons, { $0.place.partition },
            { self.loading($0.coupon, $0.place.partition, $0.place.epoch, load) }
        ) { reply throws(BackendError) in try LoadResult(reply) }
    }

    /// The coupon's holders that are not staged yet, and its record.
    private func loading(
        _ coupon: LoadedCoupon, _ partition: PartitionID, _ epoch: Epoch, _ load: LoadNumber?
    ) -> [Evaluation] {
        staging(coupon.holders, coupon.marks.coupon.id, partition, epoch, load)
            + [call(of: coupon, partition, epoch, load)]
    }

    /// The call after which the coupon is loaded.
    private func call(
        of coupon: LoadedCoupon, _ partition: PartitionID, _ epoch: Epoch, _ load: LoadNumber?
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

extension ClaimResult {
    /// From the reply of claim.lua.
    fileprivate init(_ reply: Reply) throws(BackendError) {
        switch try reply.code() {
        case 0: self = .claimed
        case 1: self = .alreadyLoaded
        case 2: self = .stale
        case 4: self = .filling
        case 5: self = .elsewhere(isFilling: true)
        default: self = .elsewhere(isFilling: false)
        }
    }
}

extension LoadResult {
    /// From the reply of load.lua.
    fileprivate init(_ reply: Reply) throws(BackendError) {
        switch try reply.code() {
        case 0: self = .loaded
        case 1: self = .alreadyLoaded
        case 2: self = .superseded
        default: self = .incomplete
        }
    }
}

extension Script {
    fileprivate var isLoad: Bool { self == .load || self == .loadInRebuild }
}
