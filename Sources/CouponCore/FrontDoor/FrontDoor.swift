/// What a worker remembers of coupons, so that requests for a closed one bounce here
/// (promise 7; rules 38 to 40). When in doubt it forgets, and the gate is asked.
///
/// Marks are ordered by (epoch, rev), so a late reply or event never replaces a newer mark. A reply makes a
/// closed mark only if the subscription has not broken since the question: otherwise this worker may have
/// missed that the coupon opened again (rule 38). Partitions may lie on several nodes of Redis, so each has
/// its own subscription, and each node its own clock.
public struct FrontDoor {
    /// What to do with a request.
    public enum Judgement: Equatable, Sendable {
        /// Let the gate decide.
        case ask
        /// Refuse it.
        case bounce(Outcome)
        /// Refuse it, and ask the gate in the background whether that still holds.
        case bounceAndRefresh(Outcome)
    }

    private struct Mark {
        var epoch: Epoch
        var rev: Int64
        var door: Door
        var refreshAt: MonotonicTime
        /// The partition's subscription under which it was made; under a later one it does not count.
        var generation: Int
    }

    /// What is known of a partition.
    private struct Page {
        var epoch: Epoch = 0
        /// Counts subscriptions.
        var generation = 0
        /// Since when its events do not come; nil while they do.
        var disconnectedSince: MonotonicTime?
        /// The index of its gate.
        var gate = 0
    }

    /// A gate's clock in its last reply, and our clock before and after. So the gate's time now has an upper
    /// and a lower bound, and each door uses the bound with which it refuses less.
    private struct Clock {
        let asked: MonotonicTime
        let answered: MonotonicTime
        let time: Timestamp
    }

    private let partitioning: Partitioning
    private var marks: RecentlySet<CouponID, Mark>
    /// Coupons that do not exist, and until when that holds. Separate from the marks: requests for a million
    /// unknown ids must not push out coupons that exist.
    private var absences: RecentlySet<CouponID, MonotonicTime>
    /// For each partition.
    private var pages: [Page]
    /// For each gate; nil before its first reply. Nodes of Redis have clocks of their own.
    private var clocks: [Clock?] = [nil]
    private var random: SplitMix64

    /// - Parameters:
    ///   - capacity: coupons remembered at most, and absent ones at most.
    ///   - seed: of the jitter, so that workers do not refresh together.
    public init(
        partitioning: Partitioning,
        capacity: (coupons: Int, absent: Int) = (Limits.frontDoorCoupons, Limits.absentCoupons),
        seed: UInt64, now: MonotonicTime
    ) {
        self.partitioning = partitioning
        marks = RecentlySet(capacity: capacity.coupons)
        absences = RecentlySet(capacity: capacity.absent)
        pages = Array(repeating: Page(disconnectedSince: now), count: partitioning.count)
        random = SplitMix64(seed: seed)
    }

    /// Sets which gate serves each partition, by its index; negative if none does.
    mutating func route(_ gates: [Int], gateCount: Int) {
        for (partition, gate) in gates.enumerated() { pages[partition].gate = gate }
        clocks += Array(repeating: nil, count: max(0, gateCount - clocks.count))
    }

    /// The number of the partition's subscription: a question remembers under which one it was asked.
    public func generation(of partition: PartitionID) -> Int {
        pages[partition.rawValue].generation
    }

    /// Decides about a request. A retry always goes to the gate: its user may be a holder.
    public mutating func judge(
        _ coupon: CouponID, attempt: UInt32, now: MonotonicTime
    ) -> Judgement {
        guard attempt == 0 else { return .ask }
        guard var mark = marks.latest(coupon) else {
            return absences[coupon].map { now < $0 } == true ? .bounce(.notFound) : .ask
        }
        let page = pages[partitioning.partition(of: coupon).rawValue]
        guard case .closed(let reason) = mark.door, mark.epoch == page.epoch,
            mark.generation == page.generation, mayBounce(reason, page, now: now)
        else { return .ask }
        guard now >= mark.refreshAt else { return .bounce(reason.outcome) }
        mark.refreshAt = nextRefresh(after: now)
        marks[coupon] = mark
        return .bounceAndRefresh(reason.outcome)
    }

    private func mayBounce(_ reason: DoorReason, _ page: Page, now: MonotonicTime) -> Bool {
        if let disconnectedSince = page.disconnectedSince {
            switch reason {
            case .soldOut, .ended, .closed: break
            case .full, .paused, .notOpen: return false
            }
            guard
                now.milliseconds(since: disconnectedSince)
                    < Limits.finishedWhileDisconnectedMilliseconds
            else { return false }
        }
        switch reason {
        case .full, .soldOut, .paused, .closed: return true
        case .notOpen(let opens):
            guard let gateNow = gateNow(page.gate, now) else { return false }
            return gateNow.advanced(byMilliseconds: Limits.notOpenMarginMilliseconds) <= opens
        case .ended(let closed):
            guard let clock = clock(page.gate) else { return false }
            let passed = now.milliseconds(since: clock.answered)
            return clock.time.advanced(byMilliseconds: passed) >= closed
        }
    }

    /// The clock of the partition's gate now, or a little more; nil before the first reply.
    public func gateNow(of partition: PartitionID, _ now: MonotonicTime) -> Timestamp? {
        gateNow(pages[partition.rawValue].gate, now)
    }

    private func gateNow(_ gate: Int, _ now: MonotonicTime) -> Timestamp? {
        clock(gate).map { $0.time.advanced(byMilliseconds: now.milliseconds(since: $0.asked)) }
    }

    private func clock(_ gate: Int) -> Clock? { gate < 0 ? nil : clocks[gate] }

    /// A reply of the gate, to a question asked at `askedAt` under subscription `generation`.
    public mutating func apply(
        _ judgement: GateJudgement, of coupon: CouponID, epoch: Epoch, askedUnder generation: Int,
        now: MonotonicTime
    ) {
        let page = pages[partitioning.partition(of: coupon).rawValue]
        if judgement.door.isClosed
            && (page.disconnectedSince != nil || generation != page.generation)
        {
            return
        }
        apply(coupon, epoch: epoch, rev: judgement.rev, door: judgement.door, now: now)
    }

    /// The clock of the partition's gate, as an answer has it.
    mutating func see(
        _ time: Timestamp, of partition: PartitionID, askedAt: MonotonicTime, now: MonotonicTime
    ) {
        let gate = pages[partition.rawValue].gate
        if gate >= 0 { clocks[gate] = Clock(asked: askedAt, answered: now, time: time) }
    }

    /// A coupon that the gate does not hold, and that PostgreSQL shows as finished. If it opens later, the
    /// gate raises the partition's `rev` above the one of its answer, and publishes.
    mutating func apply(_ reason: DoorReason, of missing: Lookups.Missing, now: MonotonicTime) {
        let page = pages[partitioning.partition(of: missing.coupon).rawValue]
        guard page.disconnectedSince == nil, missing.generation == page.generation else { return }
        apply(
            missing.coupon, epoch: missing.epoch, rev: missing.rev, door: .closed(reason), now: now)
    }

    /// An event: what it says of coupons, and which epoch the partition has.
    public mutating func receive(_ event: CompletionEvent, now: MonotonicTime) {
        raise(event.partition, to: event.epoch)
        for standing in event.coupons {
            apply(
                standing.coupon, epoch: event.epoch, rev: standing.rev, door: standing.door,
                now: now)
        }
    }

    /// The partition has a later epoch: marks of earlier ones do not count any more.
    public mutating func raise(_ partition: PartitionID, to epoch: Epoch) {
        guard partition.rawValue < pages.count else { return }
        pages[partition.rawValue].epoch = max(pages[partition.rawValue].epoch, epoch)
    }

    /// PostgreSQL has gone back, and gives out the same epochs again: what is known of the partition does not
    /// count.
    mutating func restart(_ partition: PartitionID, epoch: Epoch) {
        pages[partition.rawValue].epoch = epoch
        pages[partition.rawValue].generation += 1
    }

    private mutating func apply(
        _ coupon: CouponID, epoch: Epoch, rev: Int64, door: Door, now: MonotonicTime
    ) {
        let generation = pages[partitioning.partition(of: coupon).rawValue].generation
        if let mark = marks[coupon], mark.generation == generation {
            let isNewer = (epoch, rev) > (mark.epoch, mark.rev)
            let closesIt = (epoch, rev) == (mark.epoch, mark.rev) && door.isClosed
            guard isNewer || closesIt else { return }
        }
        marks[coupon] = Mark(
            epoch: epoch, rev: rev, door: door, refreshAt: nextRefresh(after: now),
            generation: generation)
    }

    /// PostgreSQL does not have the coupon. Remembered for a short time only: a creation publishes no event.
    public mutating func applyAbsence(of coupon: CouponID, now: MonotonicTime) {
        marks[coupon] = nil
        absences[coupon] = now.advanced(byMilliseconds: Limits.absentMilliseconds)
    }

    /// Forgets why a coupon is closed, because it was created or changed here. Its (epoch, rev) stays:
    /// otherwise a reply from before the change would close it again.
    public mutating func forget(_ coupon: CouponID) {
        absences[coupon] = nil
        guard var mark = marks[coupon] else { return }
        mark.door = .open
        marks[coupon] = mark
    }

    /// Forgets a coupon whose mark is older than what the gate said a while ago: an event was missed.
    /// - Returns: whether its mark was older.
    public mutating func forget(_ coupon: CouponID, ifBehind standing: GateStanding) -> Bool {
        guard let mark = marks[coupon], mark.epoch == standing.epoch,
            mark.rev < standing.rev
        else { return false }
        forget(coupon)
        return true
    }

    /// Forgets every coupon.
    public mutating func forgetAll() {
        marks.removeAll()
        absences.removeAll()
    }

    /// The subscription to all events is active again: everything remembered may be stale.
    public mutating func subscriptionUp() {
        for partition in pages.indices { subscriptionUp(of: PartitionID(partition)) }
        forgetAll()
    }

    /// The subscription to a partition's events is active again: its marks do not count any more.
    public mutating func subscriptionUp(of partition: PartitionID) {
        pages[partition.rawValue].generation += 1
        pages[partition.rawValue].disconnectedSince = nil
    }

    /// The subscription to all events is broken: only finished coupons still bounce, for a while.
    public mutating func subscriptionDown(now: MonotonicTime) {
        for partition in pages.indices { subscriptionDown(of: PartitionID(partition), now: now) }
    }

    /// The same for the events of one partition.
    public mutating func subscriptionDown(of partition: PartitionID, now: MonotonicTime) {
        pages[partition.rawValue].disconnectedSince =
            pages[partition.rawValue].disconnectedSince ?? now
    }

    /// Whether a coupon is remembered, and if so, whether as closed.
    public func remembers(_ coupon: CouponID) -> (known: Bool, closed: Bool) {
        let page = pages[partitioning.partition(of: coupon).rawValue]
        guard let mark = marks[coupon], mark.generation == page.generation else {
            return (false, false)
        }
        return (true, mark.door.isClosed)
    }

    /// A tenth of jitter keeps workers and coupons from refreshing all at once.
    private mutating func nextRefresh(after now: MonotonicTime) -> MonotonicTime {
        let period = Limits.markRefreshMilliseconds
        return now.advanced(
            byMilliseconds: period - Int64.random(in: 0...(period / 10), using: &random))
    }
}
