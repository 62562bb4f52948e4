/// States that are large against the limits, in plays that have weights: coupons that were issued to many
/// before the play begins, queues that gathered while PostgreSQL was away, gates that are gone while their
/// queues are not.
import CouponCore
import Models

extension Play {
    /// Users of earlier days: nobody of them asks.
    private static let firstOldUser: Int64 = 1_000

    /// Issues some of a coupon before anybody asks.
    func issueBeforehand(_ coupon: CouponID, _ count: Int64) {
        guard count > 0 else { return }
        let requests = (1...count).map { number in
            EntryRequest(
                user: UserID(Self.firstOldUser + number),
                requestID: RequestID(high: 1 << 40 + UInt64(number), low: 0, length: 8))
        }
        let entry = QueueEntry(
            position: .zero, coupon: coupon, firstSequence: 1, acceptedAt: wall(offset: 0),
            requests: requests)
        let batch = Batch(
            partition: partitioning.partition(of: coupon), epoch: 0, from: .zero, to: .zero,
            items: [.entry(entry)])
        witness.everIssued.formUnion(entry.acceptedRequests)
        _ = postgres.commit { $0.issue(batch, now: entry.acceptedAt) { _ in false } }
    }

    /// Just before all is well again there is much to do.
    func planLargeState() {
        guard weights.isDrawn else { return }
        if line.chance(800) {
            let begin = line.random(troubleEnds / 4...troubleEnds / 2)
            line.at(begin) { [self] in
                line.note("DISASTER", "PostgreSQL is away until the end")
                postgres.restart(after: troubleEnds - begin)
            }
        }
        for partition in partitioning.all where line.chance(500) {
            line.at(troubleEnds - line.random(1...300_000)) { [self] in loseGate(of: partition) }
        }
    }

    /// The gate with all that it knew of coupons; the queue stays.
    func loseGate(of partition: PartitionID) {
        line.note("DISASTER", "partition \(partition.rawValue) loses its gate, and not its queue")
        redis.loseGate(of: partition)
    }

    /// How many requests wait in the queues.
    var queuedRequests: Int {
        redis.data.partitions.reduce(0) { sum, partition in
            sum + partition.queue.reduce(0) { $0 + $1.entry.requests.count }
        }
    }

    /// To move all that there is once, in microseconds.
    var work: Int64 { weights.moving(queuedRequests, redis.data, postgres.tables) }
}
