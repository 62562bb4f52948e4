/// A worker's local cache: what it remembers of coupons, so that requests for a closed one bounce here
/// (promise 7; rules 38 to 40). When in doubt it forgets, and the gate is asked.
///
/// Marks are ordered by (epoch, rev), so a late reply or event never replaces a newer mark. A reply makes a
/// closed mark only if the subscription has not broken since the question: otherwise this worker may have
/// missed that the coupon opened again (rule 38).
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
    }

    private let partitioning: Partitioning
    private var marks: RecentlySet<CouponID, Mark>
    /// Coupons that do not exist, and until when that holds. Separate from the marks: requests for a million
    /// unknown ids must not push out coupons that exist.
    private var absences: RecentlySet<CouponID, MonotonicTime>
    private var epochs: [Epoch]
    private var disconnectedSince: MonotonicTime?
    private var random: SplitMix64

    /// Counts subscriptions: a question remembers under which one it was asked.
    public private(set) var generation = 0
    /// The gate's clock in the last reply, and our clock before and after. So the gate's time now has an
    /// upper and a lower bound, and each door uses the bound with which it refuses less.
    private var gateClock: (asked: MonotonicTime, answered: MonotonicTime, time: Timestamp)?

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
        epochs = Array(repeating: 0, count: partitioning.count)
        random = SplitMix64(seed: seed)
        disconnectedSince = now
    }

    /// Decides about a request. A retry always goes to the gate: its user may be a holder.
    public mutating func judge(
        _ coupon: CouponID, attempt: UInt32, now: MonotonicTime
    ) -> Judgement {
        guard attempt == 0 else { return .ask }
        guard var mark = marks.latest(coupon) else {
            return absences[coupon].map { now < $0 } == true ? .bounce(.notFound) : .ask
        }
        guard case .closed(let reason) = mark.door,
            mark.epoch == epochs[partitioning.partition(of: coupon).rawValue],
            mayBounce(reason, now: now)
        else { return .ask }
        guard now >= mark.refreshAt else { return .bounce(reason.outcome) }
        mark.refreshAt = nextRefresh(after: now)
        marks[coupon] = mark
        return .bounceAndRefresh(reason.outcome)
    }

    private func mayBounce(_ reason: DoorReason, now: MonotonicTime) -> Bool {
        if let disconnectedSince {
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
            guard let gateNow = gateNow(now) else { return false }
            return gateNow.advanced(byMilliseconds: Limits.notOpenMarginMilliseconds) <= opens
        case .ended(let closed):
            guard let gateClock else { return false }
            let passed = now.milliseconds(since: gateClock.answered)
            return gateClock.time.advanced(byMilliseconds: passed) >= closed
        }
    }

    /// The gate's clock now, or a little more; nil before the first reply.
    public func gateNow(_ now: MonotonicTime) -> Timestamp? {
        gateClock.map { $0.time.advanced(byMilliseconds: now.milliseconds(since: $0.asked)) }
    }

    /// A reply of the gate, to a question asked at `askedAt` under subscription `generation`.
    public mutating func apply(
        _ judgement: GateJudgement, of coupon: CouponID, epoch: Epoch, askedUnder generation: Int,
        now: MonotonicTime
    ) {
        if judgement.door.isClosed && (disconnectedSince != nil || generation != self.generation) {
            return
        }
        apply(coupon, epoch: epoch, rev: judgement.rev, door: judgement.door, now: now)
    }

    /// The gate's clock, as an answer has it.
    mutating func see(_ time: Timestamp, askedAt: MonotonicTime, now: MonotonicTime) {
        gateClock = (askedAt, now, time)
    }

    /// A finished coupon that the gate does not hold, as PostgreSQL has it. If it opens later, that raises
    /// the partition's `rev` above what it was when the gate was asked, and publishes.
    mutating func apply(_ reason: DoorReason, of missing: Lookups.Missing, now: MonotonicTime) {
        guard disconnectedSince == nil, missing.generation == generation else { return }
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
        guard partition.rawValue < epochs.count else { return }
        epochs[partition.rawValue] = max(epochs[partition.rawValue], epoch)
    }

    private mutating func apply(
        _ coupon: CouponID, epoch: Epoch, rev: Int64, door: Door, now: MonotonicTime
    ) {
        if let mark = marks[coupon] {
            let isNewer = (epoch, rev) > (mark.epoch, mark.rev)
            let closesIt = (epoch, rev) == (mark.epoch, mark.rev) && door.isClosed
            guard isNewer || closesIt else { return }
        }
        marks[coupon] = Mark(
            epoch: epoch, rev: rev, door: door, refreshAt: nextRefresh(after: now))
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

    /// Forgets a coupon whose mark is behind what the gate said a while ago: an event was missed.
    /// - Returns: whether its mark was behind.
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

    /// The subscription is active again: everything remembered may be stale.
    public mutating func subscriptionUp() {
        generation += 1
        disconnectedSince = nil
        forgetAll()
    }

    /// The subscription is broken: only finished coupons still bounce, for a while.
    public mutating func subscriptionDown(now: MonotonicTime) {
        disconnectedSince = disconnectedSince ?? now
    }

    /// Whether a coupon is remembered, and if so, whether as closed.
    public func remembers(_ coupon: CouponID) -> (known: Bool, closed: Bool) {
        guard let mark = marks[coupon] else { return (false, false) }
        return (true, mark.door.isClosed)
    }

    /// A tenth of jitter keeps workers and coupons from refreshing all at once.
    private mutating func nextRefresh(after now: MonotonicTime) -> MonotonicTime {
        let period = Limits.markRefreshMilliseconds
        return now.advanced(
            byMilliseconds: period - Int64.random(in: 0...(period / 10), using: &random))
    }
}
