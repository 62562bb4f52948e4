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

    var owned = OwnedPartitions()
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
        owned.forgetRows()
        rereadAt = now.advanced(byMilliseconds: options.rereadMilliseconds)
    }

    /// A partition that waits because its node failed does not wait any longer if another node has it now.
    private func retryMoved() {
        for own in owned {
            guard let failed = own.failedInRedis, let node = try? gates.node(of: own.partition),
                node != failed.node
            else { continue }
            owned.update(own.partition) { $0.tryElsewhere() }
        }
    }

    private func reportOwned() {
        let now = owned.partitions
        if now != reportedOwned { options.reportOwned(now) }
        reportedOwned = now
    }

    private func reportTrouble() {
        // If a lane has no partitions, nobody waits because its session is lost.
        let own = options.lane == 0 || !options.lending.partitions(of: options.lane).wanted.isEmpty
        let now = (own ? sessionTrouble : nil) ?? owned.compactMap(\.trouble).first
        if now != reportedTrouble { options.reportTrouble(now) }
        reportedTrouble = now
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
        if owned.contains(where: { $0.isDue(now) }) { return 0 }
        let next = owned.map { $0.waitsUntil ?? $0.checkAt }.min()
        let due = next.map { $0.milliseconds(since: now) } ?? options.pollMilliseconds
        return Int(max(1, min(due, options.pollMilliseconds)))
    }

    /// Sleeps in Redis, which wakes us with the first entry.
    private func waitForWork() {
        let now = options.clocks.now()
        let milliseconds = waitMilliseconds(now)
        let queues = owned.compactMap { own in
            own.isReady ? nil : own.row.map { (partition: own.partition, after: $0.cursor) }
        }
        guard !queues.isEmpty else {
            if milliseconds > 0 { options.clocks.pause(milliseconds) }
            return
        }
        do {
            for partition in try gates.wait(for: queues, milliseconds: milliseconds) {
                owned.update(partition) { $0.isReady = true }
            }
        } catch {
            nodes.removeAll()
            logger.debug("waiting for work in Redis failed", metadata: [LogKey.error: "\(error)"])
            options.clocks.pause(50)
        }
    }
}
