/// What operators see of the scheduler's work: how long the queues are, and how far the rebuilds have come.
internal import CouponCore

extension Scheduler {
    /// Reports the queue of a partition, and how long its oldest request has waited if it is going to be
    /// issued.
    func reportQueue(_ row: PartitionRow, _ view: GateView) {
        let first = view.items.first
        let oldest = view.items.lazy.compactMap(\.acceptedAt).first
        let isSameEpoch = view.epoch == row.cursor.epoch
        let entries =
            first == nil ? 0 : isSameEpoch ? view.tail - row.cursor.n : Int64(view.items.count)
        options.reportQueue(row.id, QueueState(entries: max(0, entries), oldest: oldest))
    }

    /// How long the oldest request of a batch has waited.
    func recordWait(_ items: [QueueItem]) {
        guard let oldest = items.lazy.compactMap(\.acceptedAt).first else { return }
        let waited = options.clocks.wallNow().microseconds - oldest.microseconds
        instruments.record(queued: waited * 1_000)
    }

    /// Reports the rebuilds that have made progress, or ended, in this turn.
    func reportRebuilds() {
        let shares = rebuilds.mapValues(\.doneShare)
        guard shares != reportedRebuilds else { return }
        options.reportRebuilds(shares)
        reportedRebuilds = shares
    }
}

extension Rebuild {
    /// About how much is done, from 0 to 1: half of it is loading, which takes longest.
    var doneShare: Double {
        if move != nil, case .surveying = phase { return 0.02 }
        return switch phase {
        case .surveying: 0.05
        case .searching: 0.1
        case .sweeping: 0.2
        case .loading: 0.25 + 0.5 * loadedShare
        case .counting: 0.8
        case .opening: 0.95
        }
    }

    private var loadedShare: Double {
        guard !seen.isEmpty else { return 1 }
        return Double(seen.count - coupons.count - marked.count) / Double(seen.count)
    }
}

extension QueueItem {
    /// Nil if it cannot be read.
    fileprivate var acceptedAt: Timestamp? {
        if case .entry(let entry) = self { entry.acceptedAt } else { nil }
    }
}
