/// claim.lua, stage.lua, load.lua, complete.lua, abandon.lua and unload.lua (rules 32, 41 and 53).
public import CouponCore

extension ModelRedis {
    /// How long a claim may stand still before it is free, in milliseconds.
    public static let claimMilliseconds: Int64 = 5_000

    /// Rule 32: from now on only this load may stage the coupon's holders.
    public mutating func claim(
        _ coupon: CouponID, partition: PartitionID, epoch: Epoch, load: LoadNumber, now: Timestamp
    ) -> ClaimResult {
        let key = Key(epoch: epoch, coupon: coupon)
        guard self[partition].isOpen(epoch) else { return .stale }
        let loaded = self[partition].coupons[key]
        if let loaded, loaded.filling == nil { return .alreadyLoaded }
        if isClaimed(key, partition, except: load, now) {
            return .elsewhere(isFilling: loaded != nil)
        }
        self[partition].loads[key] = Staged(load: load, moved: now)
        if loaded != nil { return .filling }
        self[partition].visits[key] = now.advanced(byMilliseconds: Self.claimMilliseconds)
        return .claimed
    }

    private func isClaimed(
        _ key: Key, _ partition: PartitionID, except load: LoadNumber?, _ now: Timestamp
    ) -> Bool {
        guard let staged = self[partition].loads[key], let other = staged.load, other != load else {
            return false
        }
        return staged.moved <= now
            && now < staged.moved.advanced(byMilliseconds: Self.claimMilliseconds)
    }

    /// Whether a load of the coupon may go on: it is not loaded, or filling.
    private func mayLoad(_ key: Key, _ partition: PartitionID) -> Bool {
        self[partition].coupons[key].map { $0.filling != nil } ?? true
    }

    /// Writes holders beside a coupon.
    public mutating func stage(
        _ holders: [LoadedHolder], of coupon: CouponID, partition: PartitionID, epoch: Epoch,
        load: LoadNumber?, now: Timestamp
    ) -> Bool {
        let key = Key(epoch: epoch, coupon: coupon)
        guard mayStage(key, partition, load) else { return false }
        if holders.isEmpty { return true }
        if load != nil, self[partition].coupons[key] != nil {
            self[partition].loads[key]?.moved = now
            for holder in holders where self[partition].coupons[key]?.holders[holder.user] == nil {
                self[partition].coupons[key]?.holders[holder.user] = holder.holder
            }
            return true
        }
        for holder in holders {
            self[partition].loads[key, default: Staged(load: load, moved: now)]
                .holders[holder.user] = holder.holder
        }
        if load == nil {
            if self[partition].visits[key] == nil { self[partition].visits[key] = .some(nil) }
        } else {
            self[partition].loads[key]?.moved = now
        }
        return true
    }

    private func mayStage(_ key: Key, _ partition: PartitionID, _ load: LoadNumber?) -> Bool {
        let keys = self[partition]
        guard let load else { return keys.isFenced(key.epoch) }
        if let loaded = keys.coupons[key], loaded.filling == nil { return false }
        return keys.isOpen(key.epoch) && keys.loads[key]?.load == load
    }

    /// Rule 53: all issued users are there.
    public mutating func complete(
        _ coupon: CouponID, partition: PartitionID, epoch: Epoch, load: LoadNumber
    ) -> Bool {
        let key = Key(epoch: epoch, coupon: coupon)
        guard mayStage(key, partition, load), self[partition].coupons[key]?.filling != nil else {
            return false
        }
        self[partition].coupons[key]?.filling = nil
        self[partition].loads[key] = nil
        return true
    }

    /// Rules 30 and 32.
    public mutating func load(
        _ coupons: [LoadedCoupon], partition: PartitionID, epoch: Epoch, load: LoadNumber?,
        now: Timestamp
    ) -> LoadResult {
        var worst = LoadResult.loaded
        for coupon in coupons {
            let id = coupon.marks.coupon.id
            _ = stage(
                coupon.holders, of: id, partition: partition, epoch: epoch, load: load, now: now)
            switch name(coupon, Key(epoch: epoch, coupon: id), partition, load, now) {
            case .loaded: break
            case .alreadyLoaded: if worst == .loaded { worst = .alreadyLoaded }
            case .superseded: return .superseded
            case .incomplete: worst = .incomplete
            }
        }
        return worst
    }

    private mutating func name(
        _ coupon: LoadedCoupon, _ key: Key, _ partition: PartitionID, _ load: LoadNumber?,
        _ now: Timestamp
    ) -> LoadResult {
        var keys = self[partition]
        guard load == nil ? keys.isFenced(key.epoch) : keys.isOpen(key.epoch) else {
            return .superseded
        }
        if keys.coupons[key] != nil {
            if load == nil { self[partition].loads[key] = nil }
            return .alreadyLoaded
        }
        guard mayStage(key, partition, load) else { return .superseded }
        let holders = keys.loads[key]?.holders ?? [:]
        keys.loads[key] = nil
        guard holders.count == coupon.holderCount else {
            self[partition] = keys
            return .incomplete
        }
        let marks = coupon.marks
        if coupon.isFilling { keys.loads[key] = Staged(load: load, moved: now) }
        var loaded = Loaded(
            coupon: marks.coupon, isSoldOut: marks.coupon.isSoldOut, used: marks.used, queued: 0,
            nextSequence: marks.nextSequence, rev: keys.nextRev(), holders: holders)
        if coupon.isFilling { loaded.filling = loaded.rev }
        keys.coupons[key] = loaded
        keys.noteVisit(loaded, key.epoch, now, retention)
        self[partition] = keys
        if load != nil {
            let standing = loaded.standing(now)
            events.append(keys.standingEvent(partition, now, resolve: false, [standing]))
        }
        return .loaded
    }

    /// Abandons a load.
    public mutating func abandon(
        _ coupon: CouponID, partition: PartitionID, epoch: Epoch, load: LoadNumber
    ) {
        let key = Key(epoch: epoch, coupon: coupon)
        if self[partition].loads[key]?.load == load { self[partition].loads[key] = nil }
    }

    /// Rule 41. Whether more are due.
    public mutating func unload(
        _ partition: PartitionID, epoch: Epoch, limit: Int, now: Timestamp
    ) -> Bool {
        guard self[partition].isOpen(epoch) else { return false }
        let due = self[partition].visits.filter { key, at in
            key.epoch == epoch && at.map { $0 <= now } ?? false
        }.keys.sorted { $0.coupon < $1.coupon }.prefix(limit)
        for key in due {
            if let loaded = self[partition].coupons[key], !loaded.mayGo(now) {
                self[partition].noteVisit(loaded, epoch, now, retention)
            } else if mayLoad(key, partition), isClaimed(key, partition, except: nil, now) {
                self[partition].visits[key] = now.advanced(byMilliseconds: Self.claimMilliseconds)
            } else {
                self[partition].drop(key)
            }
        }
        return due.count >= limit
    }
}
