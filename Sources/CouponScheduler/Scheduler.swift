/// Drains the queues of the partitions that this daemon owns, and issues (rules 16 to 24).
///
/// Blocking and single-threaded on purpose: read a batch, issue it, settle. While one transaction runs
/// the next batch grows in the queue, so that load makes batches and batches carry load; it is read in the
/// round trip that settles this one. Partitions take turns, a batch each.
internal import CoreMetrics
package import CouponCore
package import Logging

package final class Scheduler {
    let ledger: any Ledger
    let gates: any GateControl
    let options: SchedulerOptions
    let logger: Logger
    let instruments: Instruments

    var owned: [PartitionID: Owned] = [:]
    var random: SplitMix64
    /// Which Redis the control connection reaches; nil: ask before trusting what it says.
    private var identity: RedisIdentity?
    private var identityCheckAt: MonotonicTime
    private var ownership: Ownership
    private var turnsSinceStart = 0
    private var rereadAt: MonotonicTime
    private var toldOwned: Set<PartitionID> = []

    /// - Parameters:
    ///   - ledger: its session with PostgreSQL.
    ///   - gates: its connection to Redis.
    package init(
        ledger: any Ledger, gates: any GateControl, options: SchedulerOptions, logger: Logger
    ) {
        self.ledger = ledger
        self.gates = gates
        self.options = options
        self.logger = logger
        instruments = Instruments()
        random = SplitMix64(seed: options.seed)
        let now = options.clocks.now()
        identityCheckAt = now
        rereadAt = now
        ownership = Ownership(partitioning: options.partitioning, now: now)
    }

    /// One round: keep the locks, serve each partition that is due, then wait for work if none is due again.
    package func turn() {
        let now = options.clocks.now()
        do {
            try keepOwnership(now)
        } catch {
            loseSession(error, now)
        }
        tellOwned()
        rereadRows(now)
        serveDue()
        showLife()
        waitForWork()
    }

    /// Now and then what is remembered of PostgreSQL is read anew, also of partitions where nothing happens:
    /// a session that was replaced inside a call may have reached a server that went back (SAFETY, hole 17).
    private func rereadRows(_ now: MonotonicTime) {
        guard now >= rereadAt else { return }
        for partition in owned.keys { owned[partition]?.forget() }
        rereadAt = now.advanced(byMilliseconds: options.rereadMilliseconds)
    }

    private func tellOwned() {
        let now = Set(owned.keys)
        if now != toldOwned { options.tellOwned(now) }
        toldOwned = now
    }

    private func keepOwnership(_ now: MonotonicTime) throws(LedgerError) {
        if !ledger.isConnected { owned.removeAll() }
        guard let changes = try ownership.review(ledger: ledger, owned: Set(owned.keys), now: now)
        else { return }
        for partition in changes.given { owned[partition] = nil }
        for partition in changes.taken { owned[partition] = Owned(now: now) }
        if !changes.given.isEmpty || !changes.taken.isEmpty {
            logger.info(
                "partitions reassigned",
                metadata: [
                    "owned": "\(owned.count)", "taken": "\(changes.taken.count)",
                    "given": "\(changes.given.count)",
                ])
        }
    }

    /// The locks went with the session: whatever was read is another owner's business now (rule 9).
    func loseSession(_ error: LedgerError, _ now: MonotonicTime) {
        if !owned.isEmpty || ownership.failures == 0 {
            logger.warning("session with PostgreSQL lost", metadata: ["error": "\(error)"])
        }
        owned.removeAll()
        ownership.backOff(now: now, using: &random)
    }

    /// Serves each due partition once, beginning with another one each time.
    private func serveDue() {
        let partitions = owned.keys.sorted()
        turnsSinceStart &+= 1
        for index in partitions.indices {
            let partition = partitions[(index + turnsSinceStart) % partitions.count]
            guard owned[partition]?.isDue(options.clocks.now()) == true else { continue }
            serve(partition)
        }
    }

    /// Rule 24: a heartbeat of each partition with nothing to issue, and a look whether that is still so, in
    /// one round trip for all of them: a busy partition waits for it.
    private func showLife() {
        let now = options.clocks.now()
        let rows = owned.keys.sorted().compactMap { owned[$0]?.rowToShow(now) }
        guard !rows.isEmpty else { return }
        do {
            let identity = try verifiedIdentity()
            let views = try gate { () throws(GateControlError) in try gates.heartbeat(rows) }
            for (row, view) in zip(rows, views) {
                owned[row.id]?.checkAt = now.advanced(byMilliseconds: options.checkMilliseconds)
                guard let view else {
                    owned[row.id]?.forget()
                    continue
                }
                if DrainStep(row: row, gate: view, identity: identity) != .idle {
                    owned[row.id]?.isReady = true
                }
            }
        } catch {
            for row in rows { fail(row.id, error) }
        }
    }

    private func serve(_ partition: PartitionID) {
        do {
            try step(partition)
            owned[partition]?.succeed()
        } catch {
            fail(partition, error)
        }
    }

    private func fail(_ partition: PartitionID, _ error: StepError) {
        let now = options.clocks.now()
        instruments.failures.increment()
        switch error {
        case .ledger(.sessionLost(let text)):
            loseSession(.sessionLost(text), now)
            return
        case .gates:
            identity = nil
        case .ledger, .overtaken:
            break
        }
        if owned[partition]?.failures == 0 {
            logger.warning(
                "partition waits",
                metadata: ["partition": "\(partition.rawValue)", "error": "\(error)"])
        }
        owned[partition]?.backOff(now: now, using: &random)
    }

    /// Which Redis this is, asked anew each second and after each break (rules 15 and 24).
    func verifiedIdentity() throws(StepError) -> RedisIdentity {
        let now = options.clocks.now()
        if let identity, now < identityCheckAt { return identity }
        let answer = try gate { () throws(GateControlError) in try gates.identity() }
        identity = answer
        identityCheckAt = now.advanced(byMilliseconds: options.checkMilliseconds)
        return answer
    }

    /// Not at all where a partition is due: it may have become so by its heartbeat.
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
            identity = nil
            logger.debug("wait for work failed", metadata: ["error": "\(error)"])
            options.clocks.pause(50)
        }
    }
}

/// Why a step ended early. Everything it had read is thrown away.
enum StepError: Error {
    case ledger(LedgerError)
    case gates(GateControlError)
    /// The gate moved on: another owner, a rebuild.
    case overtaken(String)
}

/// Runs calls of the two ports inside a step.
func issue<Value>(_ body: () throws(LedgerError) -> Value) throws(StepError) -> Value {
    do { return try body() } catch { throw .ledger(error) }
}

/// See `issue`.
func gate<Value>(_ body: () throws(GateControlError) -> Value) throws(StepError) -> Value {
    do { return try body() } catch { throw .gates(error) }
}
