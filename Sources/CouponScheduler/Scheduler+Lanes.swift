/// What a partition costs the others, and how it moves to another issuing lane and back (rule 49).
internal import CouponCore
internal import Logging

extension Scheduler {
    // MARK: Beside others

    /// Whether another partition has issued something lately.
    func othersAreBusy(beside partition: PartitionID, _ now: MonotonicTime) -> Bool {
        owned.contains { $0.partition != partition && $0.hasIssued(since: now) }
    }

    /// Whether another partition of this lane keeps up: it has issued lately, and has nothing left.
    func othersKeepUp(with partition: PartitionID, _ now: MonotonicTime) -> Bool {
        owned.contains {
            $0.partition != partition && !$0.isReady && $0.hasIssued(since: now)
        }
    }

    /// The same in any lane: Redis and the disk are the same for all.
    func othersKeepUpInAnyLane(with partition: PartitionID, _ now: MonotonicTime) -> Bool {
        othersKeepUp(with: partition, now)
            || options.lending.othersKeepUp(beside: options.lane, now)
    }

    /// After a step of a partition.
    func recordWeight(of own: inout Owned, since start: MonotonicTime) {
        let now = options.clocks.now()
        let hasMore = rebuilds[own.partition] != nil || own.view?.items.isEmpty == false
        own.record(backlog: hasMore, since: start, now: now)
    }

    // MARK: Between lanes

    /// After each review of the locks: the first lane lends a partition that is heavy, any other one gives
    /// back what is quiet.
    func moveBetweenLanes(_ now: MonotonicTime) throws(BackendError) {
        options.lending.report(
            options.lane, rebuilding: Set(rebuilds.keys),
            unreached: owned.unreached,
            keepsUp: owned.contains { !$0.isReady && $0.hasIssued(since: now) }, now: now)
        if options.lane == 0 { try lend(now) } else { try giveBack(now) }
    }

    /// Lends all partitions of a node that hangs, otherwise one at a time: what is left may be light enough.
    private func lend(_ now: MonotonicTime) throws(BackendError) {
        guard let free = options.lending.freestLane(now) else { return }
        let hanging = partitionsOfHangingNode(now)
        for partition in hanging {
            try lend(partition, to: free.lane, now, forItsNode: true)
        }
        guard hanging.isEmpty, let partition = heaviest(beside: free.partitions, now) else {
            return
        }
        try lend(partition, to: free.lane, now)
    }

    /// The partitions of a node of Redis that hangs: an attempt takes as long for each of them. None if no
    /// partition of another node has issued lately, because then nobody is held up.
    private func partitionsOfHangingNode(_ now: MonotonicTime) -> [PartitionID] {
        guard let node = owned.compactMap(\.hangingNode).first else { return [] }
        let own = owned.inOrder.filter { (try? gates.node(of: $0)) == node }
        let othersIssue = owned.contains {
            !own.contains($0.partition) && $0.hasIssued(since: now)
        }
        return othersIssue ? own.filter { !ownership.hasOthers || rebuilds[$0] == nil } : []
    }

    private func lend(
        _ partition: PartitionID, to lane: Int, _ now: MonotonicTime, forItsNode: Bool = false
    ) throws(BackendError) {
        try ledger.release(partition)
        guard let own = owned.lose(partition) else { return }
        let rebuild = rebuilds.removeValue(forKey: partition)
        options.lending.lend(
            partition, to: lane,
            Lending.Luggage(owned: own.packed(now, forItsNode: forItsNode), rebuild: rebuild))
        logger.info(
            "partition lent to another lane",
            metadata: [
                LogKey.partition: "\(partition.rawValue)", LogKey.lane: "\(lane)",
            ])
    }

    /// A partition that should be in another lane: it makes others wait, or it is one of several heavy ones.
    /// - Parameter lent: how many partitions that lane has.
    private func heaviest(beside lent: Int, _ now: MonotonicTime) -> PartitionID? {
        // Another daemon may claim a partition before the other lane does, and would start its rebuild again.
        let candidates = owned.inOrder.filter { !ownership.hasOthers || rebuilds[$0] == nil }
        if options.lendsEagerly {
            return candidates.first { owned[$0]?.hasBacklog(for: 0, now) == true }
        }
        let heavy = candidates.filter { owned[$0]?.isHeavy(now) == true }
        guard let first = heavy.first, heavy.count > lent + 1 || othersAreLight(beside: first, now)
        else { return nil }
        return first
    }

    /// Whether a partition that is not heavy has issued something lately.
    private func othersAreLight(beside partition: PartitionID, _ now: MonotonicTime) -> Bool {
        owned.contains {
            $0.partition != partition && !$0.isHeavy(now) && $0.hasIssued(since: now)
        }
    }

    private func giveBack(_ now: MonotonicTime) throws(BackendError) {
        let pause = options.lendsEagerly ? 300 : Limits.quietBeforeReturnMilliseconds
        for partition in owned.inOrder
        where owned[partition]?.isQuiet(for: pause, now) == true && rebuilds[partition] == nil {
            try ledger.release(partition)
            owned.lose(partition)
            options.lending.giveBack(partition, from: options.lane)
        }
    }
}
