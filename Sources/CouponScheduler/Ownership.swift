/// Which partitions this daemon should own: an even share of all, by PostgreSQL's advisory locks (rule 9).
///
/// Partitions that others do not reach come on top, and those that this daemon does not reach are left out
/// (rule 56). It saves work and protects nothing: two owners at once are harmless (rule 10).
internal import CouponCore

struct Ownership {
    private let partitioning: Partitioning
    private var reviewAt: MonotonicTime
    private var backOff = BackOff(shortest: 100)
    private var handover = Handover()
    /// Whether another daemon may claim what this one releases, as of the last review.
    private(set) var hasOthers = true

    struct Changes {
        var taken: [PartitionID] = []
        var given: [PartitionID] = []
        /// Partitions that others may take from now on (rule 56).
        var offered: [PartitionID] = []
        /// Partitions that are tried at once: somebody else is ready to take them.
        var retried: [PartitionID] = []
    }

    init(partitioning: Partitioning, now: MonotonicTime) {
        self.partitioning = partitioning
        reviewAt = now
    }

    /// Four times a second: shows the server that the session lives, then claims or releases partitions up to
    /// the even share. Partitions in a rebuild are kept: the next owner would start it again (rule 43). What
    /// other lanes have counts as this daemon's.
    /// - Parameter unreached: since when the nodes of owned partitions were not reached.
    mutating func review(
        ledger: any Ledger, owned before: Set<PartitionID>, rebuilding begun: Set<PartitionID>,
        unreached: [PartitionID: MonotonicTime] = [:], lending: Lending, now: MonotonicTime
    ) throws(BackendError) -> Changes? {
        guard now >= reviewAt else { return nil }
        let members = try ledger.joinMembers()
        hasOthers = members.count > 1
        let wholeShare = members.share(of: partitioning.count)
        let lent = lending.lent(now)
        var changes = try handover.review(
            members,
            Handover.Holding(
                owned: before, lent: lent,
                unreached: unreached.merging(lending.unreached) { first, _ in first }),
            ledger: ledger, lending: lending, now: now)
        // What others offer does not count, nor does anybody claim more for what was given up.
        let lentOfShare = lent.subtracting(members.offered)
        lending.recall(max(0, lentOfShare.count - wholeShare), of: lentOfShare)
        let away = handover.offered.subtracting(members.offered).subtracting(before)
            .subtracting(lent)
        let share = max(0, wholeShare - lentOfShare.count - away.count)
        let owned = before.subtracting(changes.given)
        let rebuilding = begun.intersection(owned).subtracting(members.offered)
        let sorted = owned.subtracting(members.offered).sorted()
        let kept = rebuilding.sorted() + sorted.filter { !rebuilding.contains($0) }
        let most = max(share, rebuilding.count)
        for partition in kept.dropFirst(most) {
            try ledger.release(partition)
            changes.given.append(partition)
        }
        // A session that broke during a rollback was replaced silently, and its locks are gone. So the locks
        // are claimed again, which is cheap if they are held.
        let extra = owned.intersection(members.offered).sorted()
        for partition in kept.prefix(most) + extra where !(try ledger.claim(partition)) {
            changes.given.append(partition)
        }
        var count = sorted.count
        let others = owned.union(lent).union(members.offered).union(handover.offered)
        for partition in partitioning.all where count < share && !others.contains(partition) {
            if try ledger.claim(partition) {
                changes.taken.append(partition)
                count += 1
            }
        }
        backOff.reset()
        reviewAt = now.advanced(byMilliseconds: 250)
        return changes
    }

    /// The same in a lane other than the first: claims what the first has lent, and releases the rest.
    mutating func reviewLent(
        ledger: any Ledger, owned: Set<PartitionID>, lending: Lending, lane: Int, now: MonotonicTime
    ) throws(BackendError) -> Changes? {
        guard now >= reviewAt else { return nil }
        try ledger.ping()
        let (wanted, recalled) = lending.partitions(of: lane)
        var changes = Changes()
        for partition in owned.subtracting(wanted).sorted() {
            try ledger.release(partition)
            changes.given.append(partition)
        }
        for partition in recalled { lending.giveBack(partition, from: lane) }
        changes.retried = lending.retries(of: lane)
        for partition in wanted.sorted() {
            if try ledger.claim(partition) {
                if !owned.contains(partition) { changes.taken.append(partition) }
            } else {
                lending.giveBack(partition, from: lane)
                if owned.contains(partition) { changes.given.append(partition) }
            }
        }
        backOff.reset()
        reviewAt = now.advanced(byMilliseconds: 250)
        return changes
    }

    /// The session was lost, or could not be made: it is tried again after a pause.
    mutating func pause(now: MonotonicTime, using random: inout SplitMix64) {
        reviewAt = now.advanced(byMilliseconds: backOff.next(using: &random))
    }
}
