/// What the scheduler remembers of a partition that it owns. Losing the session forgets all of it.
internal import CouponCore

struct Owned: Sendable {
    let partition: PartitionID
    /// Epoch and cursor as last read or committed; nil: read PostgreSQL first. An old value is harmless: the
    /// issuing transaction moves the cursor from exactly this value (rule 19).
    var row: PartitionRow?
    /// The gate and what is queued after `row`'s cursor, as settling the last batch found them.
    var view: GateView?
    /// There may be entries to issue.
    var isReady = true
    /// The next heartbeat while there is nothing to issue, with a look at the gate (rule 24).
    var checkAt: MonotonicTime
    /// The next unload (rule 41).
    var unloadAt: MonotonicTime
    /// Keys of earlier epochs may not have been swept yet.
    var needsSweep = true
    /// The search for the users of damaged entries.
    var search: DamageSearch?
    /// The rebuild by another owner, as its beat was last seen to rise.
    var watched: (epoch: Epoch, beat: Int64, since: MonotonicTime)?
    /// How many requests its next transaction takes.
    var batch: BatchSize
    /// The size of the transaction in flight; nil if there is none.
    var attempted: (requests: Int, entries: Int)?
    /// When its last transaction was committed.
    var issuedAt: MonotonicTime?
    /// Since when it has had more to issue than one transaction takes.
    private(set) var backlogSince: MonotonicTime?
    /// When it last had so much, or was claimed.
    private(set) var lastBacklog: MonotonicTime
    /// How many steps took long, since the last transaction that did not.
    private var slowSteps = 0
    private var backOff = BackOff(longest: 5_000)
    /// The end of its pause.
    private(set) var waitsUntil: MonotonicTime?
    /// Whether it waits until another partition's rebuild has ended.
    private(set) var waitsForRebuild = false
    /// It waits because a step failed in Redis. No node: none had the partition.
    private(set) var failedInRedis: (node: RedisNode.ID?, isSlow: Bool)?
    /// Since when each attempt has not reached its node, or has found a lower term there (rule 56).
    private(set) var unreachedSince: MonotonicTime?
    /// When its last step failed.
    private var failedAt: MonotonicTime?
    /// Whether it is in another lane because its node hung.
    var isLentForItsNode = false
    /// The text of the last failure; the same failure is logged once.
    private(set) var lastFailure = ""

    /// Why it waits; nil if it does not, or only lets other partitions go first.
    var trouble: String? { failures > 0 ? lastFailure : nil }

    /// Consecutive failures.
    var failures: Int { backOff.failures }

    init(_ partition: PartitionID, now: MonotonicTime, requestsPerTransaction: Int) {
        self.partition = partition
        checkAt = now
        unloadAt = now
        lastBacklog = now
        batch = BatchSize(most: requestsPerTransaction)
    }

    /// Drops everything that was read; the next step starts from PostgreSQL (rule 20).
    mutating func forget() {
        row = nil
        view = nil
        attempted = nil
        isReady = true
    }

    /// Records how long a step took, and whether it has left something to issue, or a rebuild.
    mutating func record(backlog: Bool, since start: MonotonicTime, now: MonotonicTime) {
        backlogSince = backlog ? backlogSince ?? now : nil
        if backlog { lastBacklog = now }
        if now.milliseconds(since: start) >= Limits.slowStepMilliseconds {
            slowSteps += 1
        } else if issuedAt.map({ $0 >= start }) == true {
            slowSteps = 0
        }
    }

    /// PostgreSQL has ended a statement because it took too long: the next transaction has fewer requests, or
    /// more time. Statements outside a transaction say nothing about its size.
    mutating func endTooSlowTransaction(_ now: MonotonicTime) {
        guard let attempted else { return }
        if attempted.entries > 1 {
            batch.tooMany(attempted.requests, now: now)
        } else {
            batch.tooSlowAlone(now: now)
        }
    }

    /// Whether it costs the other partitions of its lane more than a few requests do.
    func isHeavy(_ now: MonotonicTime) -> Bool {
        slowSteps > 1
            || hasBacklog(for: Limits.backlogBeforeLendingMilliseconds, now)
    }

    /// The node at which a step took long and failed; nil if none did.
    var hangingNode: RedisNode.ID? { failedInRedis?.isSlow == true ? failedInRedis?.node : nil }

    /// Whether it has had a backlog for so many milliseconds.
    func hasBacklog(for milliseconds: Int64, _ now: MonotonicTime) -> Bool {
        backlogSince.map { now.milliseconds(since: $0) >= milliseconds } == true
    }

    /// Whether it has been without a backlog for so many milliseconds; without a failure, if it was lent
    /// because its node hung.
    func isQuiet(for milliseconds: Int64, _ now: MonotonicTime) -> Bool {
        let last = isLentForItsNode ? failedAt ?? lastBacklog : lastBacklog
        return failures == 0 && now.milliseconds(since: last) >= milliseconds
    }

    /// The state that goes to another lane: without what was read, and without a pause made for the sake of
    /// other partitions.
    func packed(_ now: MonotonicTime, forItsNode: Bool) -> Owned {
        var packed = self
        if forItsNode { packed.isLentForItsNode = true }
        packed.forget()
        if failures == 0 { packed.endWait() }
        packed.slowSteps = 0
        packed.lastBacklog = now
        packed.failedAt = now
        return packed
    }

    /// It waits for longer after each failure, and never less than `rest`.
    /// - Parameter rest: the time that other partitions need for their share, in milliseconds.
    /// - Returns: whether this failure differs from the last one.
    mutating func fail(
        _ text: String, rest: Int64, now: MonotonicTime, using random: inout SplitMix64
    ) -> Bool {
        forget()
        failedAt = now
        wait(until: now.advanced(byMilliseconds: max(backOff.next(using: &random), rest)))
        defer { lastFailure = text }
        return text != lastFailure
    }

    mutating func succeed() {
        backOff.reset()
        failedInRedis = nil
        unreachedSince = nil
        lastFailure = ""
        endWait()
    }

    /// Another node has it now, which may not be reached either.
    mutating func tryElsewhere() {
        let since = unreachedSince
        succeed()
        unreachedSince = since
    }

    /// Records where a step failed in Redis.
    /// - Parameters:
    ///   - node: nil if no node had the partition.
    ///   - milliseconds: how long the step took.
    mutating func failInRedis(at node: RedisNode.ID?, after milliseconds: Int64) {
        let wasSlow = failedInRedis?.node == node && failedInRedis?.isSlow == true
        failedInRedis = (node, wasSlow || milliseconds >= Limits.slowStepMilliseconds)
    }

    /// Records whether a failure says that its node cannot be reached.
    mutating func recordReach(_ error: BackendError, since start: MonotonicTime) {
        if case .redis(.unavailable) = error { noteUnreached(since: start) } else { noteReached() }
    }

    /// Its node was not reached, or has a lower term.
    mutating func noteUnreached(since start: MonotonicTime) {
        unreachedSince = unreachedSince ?? start
    }

    /// Its node has answered, and may be used.
    mutating func noteReached() { unreachedSince = nil }

    /// Whether it has issued something in the second before a moment.
    func hasIssued(since moment: MonotonicTime) -> Bool {
        issuedAt.map { moment.milliseconds(since: $0) < 1_000 } == true
    }

    /// Waits for others, and keeps what was read.
    mutating func wait(until moment: MonotonicTime) {
        waitsUntil = moment
        waitsForRebuild = false
    }

    /// The same while another partition's rebuild is in progress.
    mutating func waitForRebuild(until moment: MonotonicTime) {
        wait(until: moment)
        waitsForRebuild = true
    }

    /// That rebuild has ended.
    mutating func endWait() {
        waitsUntil = nil
        waitsForRebuild = false
    }

    /// Whether there may be something to do now.
    func isDue(_ now: MonotonicTime) -> Bool {
        isReady && waitsUntil.map { now >= $0 } ?? true
    }

    /// The row, if a heartbeat is due.
    func rowForHeartbeat(_ now: MonotonicTime) -> PartitionRow? {
        isReady || now < checkAt ? nil : row
    }

    /// Returns the view that the last settle has read, once.
    mutating func consumeView() -> GateView? {
        defer { view = nil }
        return view
    }

    /// Whether another owner's rebuild of a fenced gate makes progress (rule 43).
    mutating func watch(_ gate: GateView, now: MonotonicTime) -> Bool {
        guard gate.beat > 0 else { return false }
        if let watched, (watched.epoch, watched.beat) == (gate.epoch, gate.beat) {
            return now.milliseconds(since: watched.since) < Limits.beatTimeoutMilliseconds
        }
        watched = (gate.epoch, gate.beat, now)
        return true
    }
}
