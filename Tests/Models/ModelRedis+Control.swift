/// fence.lua, open.lua, load.lua, set.lua, cap.lua, read.lua, inspect.lua, and the sweep.
public import CouponCore

extension ModelRedis {
    /// Rule 27. False where the gate has this epoch or a later one; nil where it is another installation's.
    public mutating func fence(
        _ partition: PartitionID, epoch: Epoch, installID: String
    ) -> Bool? {
        guard let gate = partitions[partition.rawValue].gate else {
            partitions[partition.rawValue].gate = Gate(
                isFenced: true, epoch: epoch, installID: installID)
            return true
        }
        if gate.installID != installID { return nil }
        if gate.epoch >= epoch { return false }
        partitions[partition.rawValue].gate?.isFenced = true
        partitions[partition.rawValue].gate?.epoch = epoch
        return true
    }

    /// Rule 31.
    public mutating func open(
        _ partition: PartitionID, epoch: Epoch, settled: Position, queued: Int64, now: Timestamp
    ) -> Bool {
        var keys = self[partition, now]
        guard var gate = keys.gate, gate.isFenced, gate.epoch == epoch else { return false }
        gate.isFenced = false
        gate.tail = 0
        gate.settled = settled
        gate.queued = queued
        gate.loadToken = max(1, gate.loadToken)
        keys.gate = gate
        keys.trim(upTo: settled)
        self[partition, now] = keys
        events.append(keys.standingEvent(partition, now, resolve: true, []))
        return true
    }

    /// Rules 30 and 32.
    public mutating func load(
        _ coupon: LoadedCoupon, partition: PartitionID, epoch: Epoch, token: Int64?, now: Timestamp
    ) -> LoadResult {
        var keys = self[partition, now]
        guard let gate = keys.gate, gate.isFenced == (token == nil), gate.epoch == epoch else {
            return .superseded
        }
        if keys[epoch, coupon.coupon.id] != nil { return .alreadyLoaded }
        if let token, token != gate.loadToken { return .superseded }
        var loaded = Loaded(
            coupon: coupon.coupon, isSoldOut: coupon.coupon.isSoldOut, used: coupon.used,
            queued: coupon.queued, nextSequence: coupon.nextSequence, rev: keys.nextRev(),
            holders: Dictionary(
                coupon.holders.map { ($0.user, $0.holder) }, uniquingKeysWith: { $1 }))
        keys.keepOrExpire(&loaded, now, retention)
        keys.gate?.loadToken += 1
        keys[epoch, coupon.coupon.id] = loaded
        self[partition, now] = keys
        if token != nil {
            let standing = loaded.standing(now)
            events.append(keys.standingEvent(partition, now, resolve: false, [standing]))
        }
        return .loaded
    }

    /// Rule 33.
    public mutating func set(
        _ coupon: Coupon, partition: PartitionID, epoch: Epoch, now: Timestamp
    ) -> SetResult {
        var keys = self[partition, now]
        guard keys.isOpen(epoch) else { return .stale }
        guard var loaded = keys[epoch, coupon.id] else {
            let standing = CompletionEvent.CouponStanding(
                coupon: coupon.id, rev: keys.nextRev(), version: coupon.version, door: .open)
            self[partition, now] = keys
            events.append(keys.standingEvent(partition, now, resolve: false, [standing]))
            return .notLoaded
        }
        guard loaded.take(coupon) else { return .current }
        loaded.rev = keys.nextRev()
        keys.keepOrExpire(&loaded, now, retention)
        keys[epoch, coupon.id] = loaded
        self[partition, now] = keys
        events.append(keys.standingEvent(partition, now, resolve: false, [loaded.standing(now)]))
        return .current
    }

    /// Rule 34.
    public mutating func cap(
        _ coupon: CouponID, version: Int64, partition: PartitionID, epoch: Epoch, total: Int64,
        now: Timestamp
    ) -> CapResult {
        var keys = self[partition, now]
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
        keys.keepOrExpire(&loaded, now, retention)
        keys[epoch, coupon] = loaded
        self[partition, now] = keys
        return .capped
    }

    /// Rule 16: entries of one epoch only, whole ones; the first always comes.
    public mutating func read(
        _ partition: PartitionID, after: Position, upTo: Position?, maximumRequests: Int,
        now: Timestamp
    ) -> GateView {
        let keys = self[partition, now]
        var room = maximumRequests
        var items: [QueueItem] = []
        for stored in keys.queue {
            let position = stored.entry.position
            if position <= after { continue }
            if let upTo, position > upTo { break }
            room -= stored.entry.requests.count
            if let first = items.first, position.epoch != first.position.epoch || room < 0 { break }
            items.append(keys.item(stored))
        }
        let gate = keys.gate
        return GateView(
            status: gate.map { $0.isFenced ? .fenced : .open } ?? .missing, epoch: gate?.epoch ?? 0,
            tail: gate?.tail ?? 0, settled: gate?.settled ?? .zero,
            loadToken: gate?.loadToken ?? 0, installID: gate?.installID, queueEnd: keys.lastID,
            items: items)
    }

    /// The gate, and what it knows of a coupon and of one user.
    public mutating func inspect(
        _ coupon: CouponID, partition: PartitionID, user: UserID?, now: Timestamp
    ) -> GateInspection {
        let keys = self[partition, now]
        let gate = keys.gate
        let loaded = keys[gate?.epoch ?? 0, coupon]
        return GateInspection(
            status: gate.map { $0.isFenced ? .fenced : .open } ?? .missing, epoch: gate?.epoch ?? 0,
            settled: gate?.settled ?? .zero, tail: gate?.tail ?? 0,
            loadToken: gate?.loadToken ?? 0, now: now,
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

    /// Unlinks what earlier epochs left behind.
    public mutating func sweep(_ partition: PartitionID, before epoch: Epoch) {
        for key in partitions[partition.rawValue].coupons.keys where key.epoch < epoch {
            partitions[partition.rawValue].coupons[key] = nil
        }
    }
}

extension ModelRedis.Partition {
    /// An entry as the daemon reads it; the users of a damaged one are the holders with its position.
    fileprivate func item(_ stored: ModelRedis.Entry) -> QueueItem {
        guard stored.isDamaged else { return .entry(stored.entry) }
        var found: Set<Holding> = []
        for (key, loaded) in coupons {
            for (user, holder) in loaded.holders where holder.position == stored.entry.position {
                found.insert(
                    Holding(
                        coupon: key.coupon, user: user, sequence: holder.sequence,
                        requestID: holder.requestID))
            }
        }
        return .damaged(
            DamagedEntry(
                position: stored.entry.position, bytes: [0], reason: "damaged",
                holders: found.sorted { ($0.coupon, $0.sequence) < ($1.coupon, $1.sequence) }))
    }
}
