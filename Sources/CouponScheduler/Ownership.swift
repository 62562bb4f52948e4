/// Which partitions this daemon should own: an even share of all, by PostgreSQL's advisory locks (rule 9).
///
/// For order and economy only; two owners at once are harmless (rule 10).
internal import CouponCore

struct Ownership {
    private let partitioning: Partitioning
    private var reviewAt: MonotonicTime
    private(set) var failures = 0

    struct Changes {
        var taken: [PartitionID] = []
        var given: [PartitionID] = []
    }

    init(partitioning: Partitioning, now: MonotonicTime) {
        self.partitioning = partitioning
        reviewAt = now
    }

    /// Four times a second: shows the server that the session lives, then takes or gives up to the even
    /// share.
    mutating func review(
        ledger: any Ledger, owned: Set<PartitionID>, now: MonotonicTime
    ) throws(LedgerError) -> Changes? {
        guard now >= reviewAt else { return nil }
        let share = try ledger.joinMembers().share(of: partitioning.count)
        var changes = Changes()
        let sorted = owned.sorted()
        for partition in sorted.dropFirst(share) {
            try ledger.release(partition)
            changes.given.append(partition)
        }
        // A session that broke while a transaction was rolled back was replaced without a word, and its
        // locks are gone: they are asked for again, which costs nothing where they stand.
        for partition in sorted.prefix(share) where !(try ledger.claim(partition)) {
            changes.given.append(partition)
        }
        for partition in partitioning.all
        where !owned.contains(partition) && owned.count + changes.taken.count < share {
            if try ledger.claim(partition) { changes.taken.append(partition) }
        }
        failures = 0
        reviewAt = now.advanced(byMilliseconds: 250)
        return changes
    }

    mutating func backOff(now: MonotonicTime, using random: inout SplitMix64) {
        failures += 1
        reviewAt = now.advanced(byMilliseconds: Int64.random(in: 50...250, using: &random))
    }
}
