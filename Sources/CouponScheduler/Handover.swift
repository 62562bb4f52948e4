/// Partitions that change hands because their owner does not reach their node (rule 56).
///
/// The owner offers such a partition. A daemon that reaches the node becomes its taker; then the owner gives
/// it up. Both say so by locks that end with their sessions, so nothing is left over.
internal import CouponCore

struct Handover {
    /// What a daemon has at a review, in all its lanes.
    struct Holding {
        let owned: Set<PartitionID>
        let lent: Set<PartitionID>
        /// Since when the node of a partition was not reached.
        let unreached: [PartitionID: MonotonicTime]

        func has(_ partition: PartitionID) -> Bool {
            owned.contains(partition) || lent.contains(partition)
        }
    }

    private struct Offer {
        /// Until then its node is not looked at.
        let until: MonotonicTime
        /// How long that was.
        let pause: Int64
    }

    /// What this daemon offers, or still does not reach since it has offered it.
    private var offers: [PartitionID: Offer] = [:]
    /// The last offers that were withdrawn.
    private var withdrawn: [PartitionID: (pause: Int64, at: MonotonicTime)] = [:]
    /// Offered partitions that have a taker, and were tried once more.
    private var retried: Set<PartitionID> = []
    /// Partitions whose taker this daemon is, and until when it waits for them.
    private var awaited: [PartitionID: MonotonicTime] = [:]
    /// Partitions whose taker's lock this daemon may have.
    private var takers: Set<PartitionID> = []
    /// Partitions that did not come, and until when they are left alone.
    private var missed: [PartitionID: MonotonicTime] = [:]

    /// The partitions that this daemon does not claim, because it offers them.
    var offered: Set<PartitionID> { Set(offers.keys) }

    /// One review: withdraws and makes offers, gives up what has a taker, and takes what others offer.
    mutating func review(
        _ members: Membership, _ holding: Holding, ledger: any Ledger, lending: Lending,
        now: MonotonicTime
    ) throws(BackendError) -> Ownership.Changes {
        let reached = lending.reached(now)
        var changes = Ownership.Changes()
        try withdraw(holding, reached, ledger, now)
        changes.offered = try offer(members, holding, ledger, now)
        try give(members, holding, ledger, lending, &changes)
        try take(members, holding, reached, ledger, now, &changes)
        try keepTaken(members, holding, ledger, changes.taken)
        // If the taker has gone, nobody has the partition.
        let away = offers.filter { partition, offer in
            !holding.has(partition) && (now >= offer.until || !members.taken.contains(partition))
        }
        lending.ask(Set(away.keys).union(candidates(members, holding, now)))
        return changes
    }

    /// An offer ends when the partition has succeeded here, or when this daemon reaches its node again.
    private mutating func withdraw(
        _ holding: Holding, _ reached: Set<PartitionID>, _ ledger: any Ledger,
        _ now: MonotonicTime
    ) throws(BackendError) {
        for (partition, offer) in offers.sorted(by: { $0.key < $1.key }) {
            let isOver =
                holding.has(partition)
                ? holding.unreached[partition] == nil
                : reached.contains(partition)
            if isOver {
                try ledger.unlock(.offer, of: partition)
                offers[partition] = nil
                // What never left may be offered again at once.
                if !holding.has(partition) { withdrawn[partition] = (offer.pause, now) }
            } else {
                // The session may be a new one.
                _ = try ledger.lock(.offer, of: partition)
            }
        }
    }

    private mutating func offer(
        _ members: Membership, _ holding: Holding, _ ledger: any Ledger, _ now: MonotonicTime
    ) throws(BackendError) -> [PartitionID] {
        guard members.count > 1 else { return [] }
        var new: [PartitionID] = []
        for (partition, since) in holding.unreached.sorted(by: { $0.key < $1.key })
        where holding.has(partition) && offers[partition] == nil
            && now.milliseconds(since: since) >= Limits.unreachedMilliseconds
        {
            guard try ledger.lock(.offer, of: partition) else { continue }
            // What is offered again and again comes back less and less often.
            let last = withdrawn[partition].flatMap {
                now.milliseconds(since: $0.at) < Limits.offerMemoryMilliseconds ? $0.pause : nil
            }
            let pause = min(2 * (last ?? 1_000), Limits.longestOfferMilliseconds)
            offers[partition] = Offer(until: now.advanced(byMilliseconds: pause), pause: pause)
            new.append(partition)
        }
        return new
    }

    /// Once a taker is there, the partition is tried again; it is given up at the next review.
    private mutating func give(
        _ members: Membership, _ holding: Holding, _ ledger: any Ledger, _ lending: Lending,
        _ changes: inout Ownership.Changes
    ) throws(BackendError) {
        let leaving = offered.intersection(members.taken).filter { holding.has($0) }
        for partition in leaving.sorted() {
            if !retried.contains(partition) {
                changes.retried.append(partition)
                lending.retry(partition)
            } else if holding.lent.contains(partition) {
                if lending.wasRetried(partition) { lending.recall(partition) }
            } else {
                try ledger.release(partition)
                changes.given.append(partition)
            }
        }
        retried = leaving
    }

    /// Partitions that others offer and nobody has taken.
    private func candidates(
        _ members: Membership, _ holding: Holding, _ now: MonotonicTime
    ) -> [PartitionID] {
        members.offered.sorted().filter {
            !holding.has($0) && offers[$0] == nil && awaited[$0] == nil
                && !members.taken.contains($0) && missed[$0].map { now >= $0 } ?? true
        }
    }

    private mutating func take(
        _ members: Membership, _ holding: Holding, _ reached: Set<PartitionID>,
        _ ledger: any Ledger, _ now: MonotonicTime, _ changes: inout Ownership.Changes
    ) throws(BackendError) {
        missed = missed.filter { now < $0.value }
        // The session may be a new one: then another daemon may be the taker now.
        for partition in awaited.keys.sorted() {
            if try !ledger.lock(.taker, of: partition) { awaited[partition] = nil }
        }
        for (partition, end) in awaited.sorted(by: { $0.key < $1.key })
        where members.offered.contains(partition) && !holding.has(partition) {
            if try ledger.claim(partition) {
                changes.taken.append(partition)
            } else if now >= end {
                missed[partition] = now.advanced(byMilliseconds: Limits.unreachedMilliseconds)
            }
        }
        awaited = awaited.filter {
            members.offered.contains($0.key) && !changes.taken.contains($0.key)
                && !holding.has($0.key) && missed[$0.key] == nil
        }
        let most = max(
            Limits.partitionsTakenTogether, members.offered.count / Limits.partitionsLookedAt)
        for partition in candidates(members, holding, now)
        where reached.contains(partition) && !changes.taken.contains(partition)
            && awaited.count < most
        {
            guard try ledger.lock(.taker, of: partition) else { continue }
            awaited[partition] = now.advanced(byMilliseconds: Limits.takingMilliseconds)
        }
    }

    /// As long as others offer what this daemon has, it stays the taker: nobody else looks for one.
    private mutating func keepTaken(
        _ members: Membership, _ holding: Holding, _ ledger: any Ledger,
        _ taken: [PartitionID]
    ) throws(BackendError) {
        let kept = members.offered.filter {
            offers[$0] == nil && (holding.has($0) || taken.contains($0))
        }
        for partition in kept.sorted() { _ = try ledger.lock(.taker, of: partition) }
        let due = kept.union(awaited.keys)
        for partition in takers.subtracting(due).sorted() {
            try ledger.unlock(.taker, of: partition)
        }
        takers = due
    }
}
