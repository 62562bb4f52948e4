/// Drains the queues of the partitions that this daemon owns, and issues (rules 16 to 24).
///
/// Blocking and single-threaded on purpose: read a batch, issue it, settle. While one transaction runs, the
/// next batch grows in the queue, so batches grow with the load; the round trip that settles one batch reads
/// the next. Partitions take turns, a batch each.
internal import CoreMetrics
package import CouponCore
package import Logging

package final class Scheduler {
    let ledger: MeasuredLedger
    let gates: any GateControl
    let options: SchedulerOptions
    let logger: Logger
    let instruments: Instruments

    var owned: [PartitionID: Owned] = [:]
    /// The rebuilds in progress. They outlive the session, and continue when the partition is owned again.
    var rebuilds: [PartitionID: Rebuild] = [:]
    /// The epochs of the last rebuilds that this lane has begun.
    var begunEpochs: [PartitionID: Epoch] = [:]
    var random: SplitMix64
    /// What each node was when it was last asked, and when it is asked again. A node that is not here is
    /// asked before its replies are used.
    var nodes: [RedisNode.ID: (state: RedisNodeState, checkAt: MonotonicTime)] = [:]
    var ownership: Ownership
    var turns = Turns()
    private var rereadAt: MonotonicTime
    /// When nodes of partitions that this daemon does not own are looked at again.
    var lookAt: MonotonicTime
    private var reportedOwned: Set<PartitionID> = []
    private var reportedTrouble: String?
    var reportedRebuilds: [PartitionID: Double] = [:]
    /// Why there is no session; nil if there is one.
    var sessionTrouble: String?

    /// - Parameters:
    ///   - ledger: its session with PostgreSQL.
    ///   - gates: its connection to Redis.
    package init(
        ledger: any Ledger, gates: any GateControl, options: SchedulerOptions, logger: Logger,
        instruments: Instruments = Instruments()
    ) {
        self.ledger = MeasuredLedger(ledger, now: options.clocks.now)
        self.gates = gates
        self.options = options
        self.logger = logger
        self.instruments = instruments
        random = SplitMix64(seed: options.seed)
        let now = options.clocks.now()
        rereadAt = now
        lookAt = now
        ownership = Ownership(partitioning: options.partitioning, now: now)
    }

    /// One round: keeps the locks, serves each partition that is due, then waits for work if none is due.
    package func turn() {
        let now = options.clocks.now()
        do {
            try keepOwnership(now)
        } catch {
            instruments.count(.failures)
            loseSession(error, now)
        }
        reportOwned()
        rereadRows(now)
        retryMoved()
        serveDue()
        sendHeartbeats()
        unload()
        lookAtNodes()
        reportTrouble()
        reportRebuilds()
        waitForWork()
    }

    /// Forgets the rows of all partitions from time to time, so they are read again even if nothing is
    /// queued: a session that was replaced inside a call may have reached a server that went back (rule 16).
    private func rereadRows(_ now: MonotonicTime) {
        guard now >= rereadAt else { return }
        for partition in owned.keys { owned[partition]?.forget() }
        rereadAt = now.advanced(byMilliseconds: options.rereadMilliseconds)
    }

    /// A partition that waits because its node failed does not wait any longer if another node has it now.
    private func retryMoved() {
        for (partition, own) in owned {
            guard let failed = own.failedInRedis, let node = try? gates.node(of: partition),
                node != failed.node
            else { continue }
            owned[partition]?.tryElsewhere()
        }
    }

    private func reportOwned() {
        let now = Set(owned.keys)
        if now != reportedOwned { options.reportOwned(now) }
        reportedOwned = now
    }

    private func reportTrouble() {
        // If a lane has no partitions, nobody waits because its session is lost.
        let own = options.lane == 0 || !options.lending.partitions(of: options.lane).wanted.isEmpty
        let now = (own ? sessionTrouble : nil) ?? owned.values.lazy.compactMap(\.trouble).first
        if now != reportedTrouble { options.reportTrouble(now) }
        reportedTrouble = now
    }

    /// Rule 24: sends a heartbeat of each partition with nothing to issue, and looks for new entries. One
    /// round trip for each node, because busy partitions wait for it.
    private func sendHeartbeats() {
        let now = options.clocks.now()
        let rows = owned.keys.sorted().compactMap { owned[$0]?.rowForHeartbeat(now) }
        guard !rows.isEmpty else { return }
        var rowsOfNodes: [RedisNode.ID: [PartitionRow]] = [:]
        for row in rows {
            do {
                rowsOfNodes[try gates.node(of: row.id), default: []].append(row)
            } catch {
                fail(row.id, error, Attempt(start: now, node: nil, spent: ledger.spent))
            }
        }
        for (node, rows) in rowsOfNodes.sorted(by: { $0.key < $1.key }) {
            let attempt = Attempt(start: now, node: node, spent: ledger.spent)
            do {
                try sendHeartbeats(of: rows, to: node, attempt)
            } catch {
                for row in rows { fail(row.id, error, attempt) }
            }
        }
    }

    private func sendHeartbeats(
        of rows: [PartitionRow], to node: RedisNode.ID, _ attempt: Attempt
    ) throws(BackendError) {
        let state = try verifiedState(of: node)
        for (row, result) in zip(rows, gates.heartbeat(rows)) {
            do {
                apply(try result.get(), to: row, state, attempt.start)
            } catch {
                fail(row.id, error, attempt)
            }
        }
    }

    private func apply(
        _ view: GateView?, to row: PartitionRow, _ state: RedisNodeState, _ now: MonotonicTime
    ) {
        owned[row.id]?.checkAt = now.advanced(byMilliseconds: options.checkMilliseconds)
        guard let view else {
            owned[row.id]?.forget()
            return
        }
        if DrainStep(row: row, gate: view, node: state) != .idle {
            owned[row.id]?.isReady = true
        }
    }

    func serve(_ partition: PartitionID) {
        let attempt = attempt(partition)
        do {
            try step(partition)
            if owned[partition]?.waitsUntil.map({ $0 <= attempt.start }) ?? true {
                owned[partition]?.succeed()
            }
            yieldToOthers(partition, attempt)
        } catch {
            fail(partition, error, attempt)
        }
        recordWeight(of: partition, since: attempt.start)
    }

    private func yieldToOthers(_ partition: PartitionID, _ attempt: Attempt) {
        if owned[partition]?.waitsForRebuild == true { return }
        let now = options.clocks.now()
        let rest = restForOthers(partition, attempt, now)
        if rest > 0 { owned[partition]?.wait(until: now.advanced(byMilliseconds: rest)) }
    }

    /// How long a partition rests after a long step while others are busy, in milliseconds: six times as long
    /// as the step. So a slow partition gets a seventh of the scheduler's time. If there is one Redis, the
    /// others wait for it too, and only what PostgreSQL took counts.
    private func restForOthers(
        _ partition: PartitionID, _ attempt: Attempt, _ now: MonotonicTime
    ) -> Int64 {
        let took =
            attempt.node == .single
            ? ledger.spent - attempt.spent : now.milliseconds(since: attempt.start)
        guard took >= 100, othersAreBusy(beside: partition, attempt.start) else { return 0 }
        // The next attempt may take longer than this one.
        let next = owned[partition]?.batch.statementMilliseconds ?? 0
        let longest = next > Limits.issuingMilliseconds ? max(took, Int64(next)) : took
        return min(6 * longest, Limits.restMilliseconds)
    }

    /// Something that is tried for a partition, and may fail.
    struct Attempt {
        let start: MonotonicTime
        /// The node that the partition had at the start: a failure may be the news that another one has it.
        let node: RedisNode.ID?
        /// How long PostgreSQL had kept the scheduler before, in milliseconds.
        let spent: Int64
    }

    func attempt(_ partition: PartitionID) -> Attempt {
        Attempt(
            start: options.clocks.now(), node: try? gates.node(of: partition), spent: ledger.spent)
    }

    func fail(_ partition: PartitionID, _ error: BackendError, _ attempt: Attempt) {
        let now = options.clocks.now()
        instruments.count(.failures)
        rebuilds[partition]?.isInDoubt = true
        owned[partition]?.recordReach(error, since: attempt.start)
        switch error {
        case .postgres(.sessionLost):
            loseSession(error, now)
            return
        case .postgres(.unreachable):
            loseSession(error, now)
            return
        case .redis:
            if let node = attempt.node { nodes[node] = nil }
            owned[partition]?.failInRedis(
                at: attempt.node, after: now.milliseconds(since: attempt.start))
        case .postgres(.tooSlow):
            // Other statements that take too long say nothing about the size of batches.
            if let attempted = owned[partition]?.attempted {
                if attempted.entries > 1 {
                    owned[partition]?.batch.tooMany(attempted.requests, now: now)
                } else {
                    owned[partition]?.batch.tooSlowAlone(now: now)
                }
            }
        case .postgres, .answer:
            break
        case .overtaken:
            rebuilds[partition] = nil
        }
        let rest = restForOthers(partition, attempt, now)
        let isNew = owned[partition]?.fail("\(error)", rest: rest, now: now, using: &random)
        if isNew == true {
            logger.warning(
                "step of a partition failed, retrying",
                metadata: [LogKey.partition: "\(partition.rawValue)", LogKey.error: "\(error)"])
        }
    }

    /// What a node is, read again every `checkMilliseconds` and after each break (rules 15 and 24).
    func verifiedState(of node: RedisNode.ID) throws(BackendError) -> RedisNodeState {
        let now = options.clocks.now()
        if let known = nodes[node], now < known.checkAt { return known.state }
        let state = try gates.state(of: node)
        nodes[node] = (state, now.advanced(byMilliseconds: options.checkMilliseconds))
        return state
    }

    /// 0 if a partition is due: its heartbeat may have found something to issue.
    private func waitMilliseconds(_ now: MonotonicTime) -> Int {
        if owned.values.contains(where: { $0.isDue(now) }) { return 0 }
        let next = owned.values.map { $0.waitsUntil ?? $0.checkAt }.min()
        let due = next.map { $0.milliseconds(since: now) } ?? options.pollMilliseconds
        return Int(max(1, min(due, options.pollMilliseconds)))
    }

    /// Sleeps in Redis, which wakes us with the first entry.
    private func waitForWork() {
        let now = options.clocks.now()
        let milliseconds = waitMilliseconds(now)
        let queues = owned.compactMap { partition, owned in
            owned.isReady ? nil : owned.row.map { (partition: partition, after: $0.cursor) }
        }
        guard !queues.isEmpty else {
            if milliseconds > 0 { options.clocks.pause(milliseconds) }
            return
        }
        do {
            for partition in try gates.wait(for: queues, milliseconds: milliseconds) {
                owned[partition]?.isReady = true
            }
        } catch {
            nodes.removeAll()
            logger.debug("waiting for work in Redis failed", metadata: [LogKey.error: "\(error)"])
            options.clocks.pause(50)
        }
    }
}
