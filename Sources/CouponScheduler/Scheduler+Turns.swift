/// Who has a turn, and how several partitions with long work share the scheduler's time (rule 42).
internal import CouponCore

/// What the scheduler remembers from turn to turn.
struct Turns: Sendable {
    /// How many there were.
    var count = 0
    /// Whether this turn has had its slice of a rebuild.
    var hasRebuilt = false
    /// The partition of the last slice of a rebuild: the next one has the next turn.
    var lastRebuilt: PartitionID?
    /// The same for unloads.
    var lastUnloaded: PartitionID?
    /// How long this turn has swept, in milliseconds.
    var swept: Int64 = 0
}

extension Scheduler {
    /// Serves each due partition once, beginning with another one each time. One rebuild at most runs in a
    /// turn, so that a turn stays short for partitions with something to issue.
    func serveDue() {
        let partitions = owned.inOrder
        (turns.hasRebuilt, turns.swept) = (false, 0)
        turns.count &+= 1
        let rebuilding = nextRebuild(partitions)
        var owed: Int64 = 0
        for index in partitions.indices {
            let partition = partitions[(index + turns.count) % partitions.count]
            let start = options.clocks.now()
            guard owned[partition]?.isDue(start) == true else { continue }
            // `endNextWait` ends its wait when no rebuild moves any more.
            if owned[partition]?.waitsForRebuild == true,
                turns.hasRebuilt || isRebuildMoving(start)
            {
                continue
            }
            if rebuilds[partition] == nil {
                serve(partition)
                owed = min(
                    owed + options.clocks.now().milliseconds(since: start),
                    Limits.longestDebtMilliseconds)
            } else if partition == rebuilding, !turns.hasRebuilt {
                serveRebuild(partition)
            }
            if let rebuilding { payBack(&owed, to: rebuilding) }
        }
        endNextWait()
    }

    private func serveRebuild(_ partition: PartitionID) {
        turns.hasRebuilt = true
        turns.lastRebuilt = partition
        serve(partition)
    }

    /// A gate that is closed should not wait until the others have issued all that they have: while none of
    /// the others keeps up, its rebuild gets a slice for each 50 ms of their steps.
    private func payBack(_ owed: inout Int64, to rebuilding: PartitionID) {
        while owed >= Limits.millisecondsPerSlice {
            owed -= Limits.millisecondsPerSlice
            let now = options.clocks.now()
            guard rebuilds[rebuilding] != nil, owned[rebuilding]?.isDue(now) == true,
                !othersKeepUp(with: rebuilding, now)
            else { return }
            serveRebuild(rebuilding)
        }
    }

    /// The rebuild that has its slice in this turn. Of those that take long only the first gets turns, and it
    /// gets as many as one that has just begun. So gates open one by one, and not all at the end.
    private func nextRebuild(_ partitions: [PartitionID]) -> PartitionID? {
        let now = options.clocks.now()
        let due = partitions.rotated(after: turns.lastRebuilt).filter {
            rebuilds[$0] != nil && owned[$0]?.isDue(now) == true
        }
        let long = due.compactMap { rebuilds[$0] }.filter(\.takesLong)
            .min { ($0.begunAt, $0.row.id) < ($1.begunAt, $1.row.id) }
        return due.first { $0 == long?.row.id || rebuilds[$0]?.takesLong == false }
    }

    /// Whether a rebuild may begin now. Rebuilds of gates that accept nothing any more are made one after
    /// the other: so gates open one by one, and not all at the end, and another daemon may take those that
    /// wait. After three seconds of work the next one begins too. A gate that may still accept is fenced at
    /// once. A rebuild that waits, because it has failed or lets others go first, holds up nobody.
    func mayBeginRebuild(
        _ own: inout Owned, _ row: PartitionRow, _ view: GateView, _ identity: RedisIdentity
    ) -> Bool {
        let isClosed =
            view.status != .open || row.identity?.replicationID != identity.replicationID
        let now = options.clocks.now()
        guard isClosed, isRebuildMoving(now) || turns.hasRebuilt else {
            (turns.hasRebuilt, turns.lastRebuilt) = (true, row.id)
            return true
        }
        own.waitForRebuild(until: now.advanced(byMilliseconds: Limits.beatMilliseconds))
        return false
    }

    /// Whether a rebuild that others wait for is in progress.
    private func isRebuildMoving(_ now: MonotonicTime) -> Bool {
        rebuilds.contains { partition, rebuild in
            owned[partition]?.isDue(now) == true && !rebuild.takesLong
        }
    }

    /// If no rebuild is moving, one that waits may begin in the next turn.
    private func endNextWait() {
        if isRebuildMoving(options.clocks.now()) { return }
        let next = owned.inOrder.rotated(after: turns.lastRebuilt)
            .first { owned[$0]?.waitsForRebuild == true }
        if let next { owned.update(next) { $0.endWait() } }
    }

    /// Rule 41: each second, removes finished coupons from Redis. Once that has taken as long as a slice of
    /// long work, no further partition has its unload in this turn.
    func unload() {
        let start = options.clocks.now()
        for partition in owned.inOrder.rotated(after: turns.lastUnloaded) {
            let now = options.clocks.now()
            if now.milliseconds(since: start) >= Limits.sliceMilliseconds { return }
            guard let own = owned[partition], let row = own.row, now >= own.unloadAt,
                rebuilds[partition] == nil
            else { continue }
            turns.lastUnloaded = partition
            let attempt = attempt(partition)
            do {
                let isMoreDue = try gates.unload(
                    partition, epoch: row.epoch, limit: options.slices.coupons)
                if !isMoreDue {
                    let next = now.advanced(byMilliseconds: Limits.unloadMilliseconds)
                    owned.update(partition) { $0.unloadAt = next }
                }
            } catch {
                fail(partition, error, attempt)
            }
        }
    }

    /// Runs a slice of a sweep, if this turn has time for one.
    /// - Returns: whether more is left.
    func sweepSlice(_ partition: PartitionID, before epoch: Epoch) throws(BackendError) -> Bool {
        guard turns.swept < Limits.sliceMilliseconds else { return true }
        let start = options.clocks.now()
        defer { turns.swept += options.clocks.now().milliseconds(since: start) }
        return try gates.sweep(partition, before: epoch, limit: options.slices.coupons)
    }
}

extension [PartitionID] {
    /// All partitions in turn, beginning with those above the last one.
    fileprivate func rotated(after last: PartitionID?) -> [PartitionID] {
        guard let last else { return self }
        return filter { $0 > last } + filter { $0 <= last }
    }
}
