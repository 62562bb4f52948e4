/// What a partition's step may take of the others' time, and what its failure means (rules 20 and 44).
internal import CouponCore
internal import Logging

extension Scheduler {
    /// Something that is tried for a partition, and may fail.
    struct Attempt {
        let start: MonotonicTime
        /// The node that the partition had at the start: a failure may be the news that another one has it.
        let node: RedisNode.ID?
        /// How long the scheduler had waited for PostgreSQL before, in milliseconds.
        let spent: Int64
    }

    func attempt(_ partition: PartitionID) -> Attempt {
        Attempt(
            start: options.clocks.now(), node: try? gates.node(of: partition), spent: ledger.spent)
    }

    func serve(_ partition: PartitionID) {
        guard var own = owned.takeOut(partition) else { return }
        let attempt = attempt(partition)
        do {
            try step(&own)
            if own.waitsUntil.map({ $0 <= attempt.start }) ?? true { own.succeed() }
            yieldToOthers(&own, attempt)
        } catch {
            fail(&own, error, attempt)
        }
        recordWeight(of: &own, since: attempt.start)
        owned.putBack(own)
    }

    private func yieldToOthers(_ own: inout Owned, _ attempt: Attempt) {
        if own.waitsForRebuild { return }
        let now = options.clocks.now()
        let rest = restForOthers(own, attempt, now)
        if rest > 0 { own.wait(until: now.advanced(byMilliseconds: rest)) }
    }

    /// How long a partition rests after a long step while others are busy, in milliseconds: six times as long
    /// as the step. So a slow partition gets a seventh of the scheduler's time. If there is one Redis, the
    /// others wait for it too, and only what PostgreSQL took counts.
    private func restForOthers(
        _ own: Owned, _ attempt: Attempt, _ now: MonotonicTime
    ) -> Int64 {
        let took =
            attempt.node == .single
            ? ledger.spent - attempt.spent : now.milliseconds(since: attempt.start)
        guard took >= 100, othersAreBusy(beside: own.partition, attempt.start) else { return 0 }
        // The next attempt may take longer than this one.
        let next = own.batch.statementMilliseconds
        let longest = next > Limits.issuingMilliseconds ? max(took, Int64(next)) : took
        return min(6 * longest, Limits.restMilliseconds)
    }

    // MARK: Failures

    /// An attempt between steps has failed.
    func fail(_ partition: PartitionID, _ error: BackendError, _ attempt: Attempt) {
        guard var own = owned.takeOut(partition) else {
            // An earlier failure in this turn has cost the session.
            recordFailure(of: partition, error, attempt, options.clocks.now())
            return
        }
        fail(&own, error, attempt)
        owned.putBack(own)
    }

    private func fail(_ own: inout Owned, _ error: BackendError, _ attempt: Attempt) {
        let now = options.clocks.now()
        guard recordFailure(of: own.partition, error, attempt, now) else { return }
        own.recordReach(error, since: attempt.start)
        switch error {
        case .redis:
            own.failInRedis(at: attempt.node, after: now.milliseconds(since: attempt.start))
        case .postgres(.tooSlow): own.endTooSlowTransaction(now)
        case .postgres, .answer, .overtaken: break
        }
        let rest = restForOthers(own, attempt, now)
        guard own.fail("\(error)", rest: rest, now: now, using: &random) else { return }
        logger.warning(
            "step of a partition failed, retrying",
            metadata: [
                LogKey.partition: "\(own.partition.rawValue)", LogKey.error: "\(error)",
            ])
    }

    /// What a failure means for session, node and rebuild.
    /// - Returns: whether the session is still there.
    @discardableResult
    private func recordFailure(
        of partition: PartitionID, _ error: BackendError, _ attempt: Attempt,
        _ now: MonotonicTime
    ) -> Bool {
        instruments.count(.failures)
        rebuilds[partition]?.isInDoubt = true
        switch error {
        case .postgres(.sessionLost), .postgres(.unreachable):
            loseSession(error, now)
            return false
        case .redis: if let node = attempt.node { nodes[node] = nil }
        case .overtaken: rebuilds[partition] = nil
        case .postgres, .answer: break
        }
        return true
    }
}
