/// set.lua, cap.lua, remove.lua, read.lua and inspect.lua.
public import CouponCore

extension ModelRedis {
    /// Rule 33.
    public mutating func set(
        _ coupon: Coupon, partition: PartitionID, epoch: Epoch, now: Timestamp
    ) -> SetResult {
        var keys = self[partition]
        guard keys.isOpen(epoch) else { return .stale }
        guard var loaded = keys[epoch, coupon.id] else {
            let standing = CompletionEvent.CouponStanding(
                coupon: coupon.id, rev: keys.nextRev(), version: coupon.version, door: .open)
            self[partition] = keys
            events.append(keys.standingEvent(partition, now, resolve: false, [standing]))
            return .notLoaded
        }
        guard loaded.apply(coupon) else { return .current }
        loaded.rev = keys.nextRev()
        keys.noteVisit(loaded, epoch, now, retention)
        keys[epoch, coupon.id] = loaded
        self[partition] = keys
        events.append(keys.standingEvent(partition, now, resolve: false, [loaded.standing(now)]))
        return .current
    }

    /// Rule 34.
    public mutating func cap(
        _ coupon: CouponID, version: Int64, partition: PartitionID, epoch: Epoch, total: Int64,
        now: Timestamp
    ) -> CapResult {
        var keys = self[partition]
        guard keys.isOpen(epoch) else { return .stale }
        guard var loaded = keys[epoch, coupon] else { return .notLoaded }
        if loaded.used > total { return .refused(used: loaded.used) }
        let leaf = loaded.leaf
        (loaded.cap, loaded.capVersion) = (total, version)
        if loaded.leaf != leaf {
            loaded.rev = keys.nextRev()
            events.append(
                keys.standingEvent(partition, now, resolve: false, [loaded.standing(now)]))
        }
        keys[epoch, coupon] = loaded
        self[partition] = keys
        return .capped
    }

    /// Rule 55.
    public mutating func remove(
        _ coupon: CouponID, version: Int64, partition: PartitionID, epoch: Epoch, now: Timestamp
    ) -> RemoveResult {
        var keys = self[partition]
        guard keys.isOpen(epoch) else { return .stale }
        let key = Key(epoch: epoch, coupon: coupon)
        if let loaded = keys.coupons[key], loaded.queued > 0 { return .queued }
        keys.coupons[key] = nil
        keys.loads[key] = nil
        keys.visits.removeValue(forKey: key)
        let standing = CompletionEvent.CouponStanding(
            coupon: coupon, rev: keys.nextRev(), version: version, door: .open)
        self[partition] = keys
        events.append(keys.standingEvent(partition, now, resolve: false, [standing]))
        return .removed
    }

    /// Rule 16: whole entries of one epoch, always at least the first.
    public mutating func read(
        _ partition: PartitionID, after: Position, upTo: Position?, maximumRequests: Int,
        now: Timestamp
    ) -> GateView {
        let keys = self[partition]
        var room = maximumRequests
        var items: [QueueItem] = []
        for stored in keys.queue {
            let position = stored.entry.position
            if position <= after { continue }
            if let upTo, position > upTo { break }
            room -= stored.entry.requestCount
            if let first = items.first, position.epoch != first.position.epoch || room < 0 { break }
            items.append(stored.item)
        }
        let gate = keys.gate
        // If the queue has an entry whose id cannot come from a gate, an open gate cannot add to it.
        let isForeign = !keys.foreign.isEmpty
        return GateView(
            status: gate.map { $0.isFenced || isForeign ? .fenced : .open } ?? .missing,
            epoch: gate?.epoch ?? 0, tail: gate?.tail ?? 0, settled: gate?.settled ?? .zero,
            beat: gate?.beat ?? 0, installID: gate?.installID,
            queueEnd: isForeign ? keys.queue.last?.entry.position ?? .zero : keys.lastID,
            items: items)
    }

    /// The gate, and what it knows of a coupon and of one user.
    public mutating func inspect(
        _ coupon: CouponID, partition: PartitionID, user: UserID?, identity: RedisIdentity,
        now: Timestamp
    ) -> GateInspection {
        let keys = self[partition]
        let gate = keys.gate
        let loaded = keys[gate?.epoch ?? 0, coupon]
        return GateInspection(
            status: gate.map { $0.isFenced ? .fenced : .open } ?? .missing, epoch: gate?.epoch ?? 0,
            settled: gate?.settled ?? .zero, tail: gate?.tail ?? 0,
            now: now, identity: identity,
            record: loaded.map {
                GateRecord(
                    version: $0.coupon.version, rev: $0.rev, used: $0.used, queued: $0.queued,
                    nextSequence: $0.nextSequence, cap: $0.cap,
                    terms: CouponTerms(
                        total: $0.coupon.total, state: $0.coupon.state,
                        window: $0.coupon.window, isSoldOut: $0.isSoldOut))
            },
            holder: user.flatMap { loaded?.holders[$0] })
    }
}
