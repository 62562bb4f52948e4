/// Which partitions a lane owns: its session's locks, reviewed four times a second (rules 9, 49 and 56).
internal import CouponCore
internal import Logging

extension Scheduler {
    func keepOwnership(_ now: MonotonicTime) throws(BackendError) {
        if !ledger.isConnected { owned.loseAll() }
        guard let changes = try review(now) else { return }
        sessionTrouble = nil
        for partition in changes.given { owned.lose(partition) }
        for partition in changes.taken { own(partition, now) }
        for partition in changes.retried { tryAgain(partition) }
        rebuilds = rebuilds.filter { owned[$0.key] != nil }
        if let first = changes.offered.first {
            logger.warning(
                "partitions are offered to the other daemons: their nodes are not reached",
                metadata: [
                    LogKey.count: "\(changes.offered.count)",
                    LogKey.partition: "\(first.rawValue)",
                ])
        }
        if !changes.given.isEmpty || !changes.taken.isEmpty {
            logger.info(
                "partitions reassigned",
                metadata: [
                    LogKey.owned: "\(owned.count)", LogKey.taken: "\(changes.taken.count)",
                    LogKey.given: "\(changes.given.count)",
                ])
        }
        try moveBetweenLanes(now)
    }

    private func review(_ now: MonotonicTime) throws(BackendError) -> Ownership.Changes? {
        if options.lane > 0 {
            return try ownership.reviewLent(
                ledger: ledger, owned: owned.partitions, lending: options.lending,
                lane: options.lane, now: now)
        }
        return try ownership.review(
            ledger: ledger, owned: owned.partitions,
            rebuilding: Set(rebuilds.keys).intersection(owned.partitions),
            unreached: owned.unreached, lending: options.lending,
            now: now)
    }

    /// Rule 56: tries a partition at once, and calls its node even if that has just failed.
    private func tryAgain(_ partition: PartitionID) {
        owned.update(partition) { $0.endWait() }
        if let node = try? gates.node(of: partition) { gates.forgetFailure(of: node) }
    }

    private func own(_ partition: PartitionID, _ now: MonotonicTime) {
        let luggage = options.lending.unpack(partition, in: options.lane)
        owned.claim(
            luggage?.owned
                ?? Owned(
                    partition, now: now,
                    requestsPerTransaction: options.requestsPerTransaction))
        if var rebuild = luggage?.rebuild {
            rebuild.isInDoubt = true
            rebuilds[partition] = rebuild
        }
    }

    /// The locks are gone with the session, so other daemons may own the partitions now (rule 9).
    func loseSession(_ error: BackendError, _ now: MonotonicTime) {
        if !owned.isEmpty || "\(error)" != sessionTrouble {
            logger.warning("session with PostgreSQL lost", metadata: [LogKey.error: "\(error)"])
        }
        sessionTrouble = "\(error)"
        owned.loseAll()
        options.lending.reportLoss(options.lane, now: now)
        for partition in rebuilds.keys { rebuilds[partition]?.isInDoubt = true }
        ownership.pause(now: now, using: &random)
    }

    // MARK: Nodes of partitions that it does not own

    /// Rule 56: looks whether this daemon reaches the nodes of what it or another daemon offers.
    func lookAtNodes() {
        let start = options.clocks.now()
        let asked = options.lending.asked(of: options.lane)
        guard !asked.isEmpty, start >= lookAt, ledger.isConnected else { return }
        var reached: Set<PartitionID> = []
        var away: Set<RedisNode.ID> = []
        // Others come the next time.
        for partition in asked.shuffled(using: &random).prefix(Limits.partitionsLookedAt) {
            guard let node = try? gates.node(of: partition), !away.contains(node) else { continue }
            do {
                if try canWork(on: partition, at: node) { reached.insert(partition) }
            } catch {
                switch error {
                case .redis:
                    away.insert(node)
                    forgetState(of: node)
                case .postgres(.sessionLost), .postgres(.unreachable):
                    loseSession(error, options.clocks.now())
                default: break
                }
            }
            if !ledger.isConnected { break }
        }
        options.lending.report(reached: reached)
        // A node that hangs costs the others a seventh of the time, as a slow partition does.
        let now = options.clocks.now()
        let pause = max(Limits.lookMilliseconds, 6 * now.milliseconds(since: start))
        lookAt = now.advanced(byMilliseconds: pause)
    }

    /// The connection to it has broken: another Redis may answer the next one (rules 15 and 25).
    private func forgetState(of node: RedisNode.ID) {
        nodes[node] = nil
        for partition in rebuilds.keys where (try? gates.node(of: partition)) == node {
            rebuilds[partition]?.isInDoubt = true
        }
    }

    /// Whether the node answers, is not one of a lower term, and can read the gate.
    private func canWork(
        on partition: PartitionID, at node: RedisNode.ID
    ) throws(BackendError) -> Bool {
        let state = try verifiedState(of: node)
        _ = try gates.read(partition, after: .zero, upTo: .zero, maximumRequests: 1)
        return try state.term >= ledger.partition(partition).redisTerm
    }
}
