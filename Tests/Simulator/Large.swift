/// States that are large compared with the limits, in plays with weights: coupons with many issues from
/// before the play, queues that grew while PostgreSQL was away, gates that are lost while their queues stay.
import CouponCore
import CoreTestKit

extension Play {
    /// Users with issues from before the play. They never ask.
    private static let firstOldUser: Int64 = 1_000

    /// Issues a coupon to some users before the play.
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

    /// Makes a large state just before the faults end.
    func planLargeState() {
        guard weights.isDrawn else { return }
        if line.chance(800) {
            let begin = line.random(troubleEnds / 4...troubleEnds / 2)
            line.at(begin) { [self] in
                line.note("DISASTER", "PostgreSQL is away until the end")
                postgres.restart(after: troubleEnds - begin)
            }
        }
        if losesAllGates {
            line.at(troubleEnds - 200_000) { [self] in partitioning.all.forEach(loseGate) }
        }
        for partition in partitioning.all where line.chance(500) {
            line.at(troubleEnds - line.random(1...300_000)) { [self] in loseGate(of: partition) }
        }
    }

    /// A fault that no play has together with lost gates: the users of a damaged entry are found by the
    /// holders, which are lost with the gate, and not both servers may lose data.
    enum Exchanged { case damage, postgresBack }

    /// This is drawn from its own random numbers, so other plays stay the same.
    func drawExchanged() -> Exchanged? {
        guard drawnWeights.isDrawn else { return nil }
        var random = SplitMix64(seed: seed ^ 0xDA3A6E)
        random = SplitMix64(seed: random.next() ^ seed)
        switch Int.random(in: 0...9, using: &random) {
        case 0: return .damage
        case 1: return kind == .single && !hasStandby ? .postgresBack : nil
        default: return nil
        }
    }

    /// Damages entries, most of them when the queue is long.
    func planDamage() {
        guard exchanged == .damage else { return }
        for _ in 1...3 {
            let first = line.chance(700) ? troubleEnds / 2 : 200_000
            line.at(line.random(first...troubleEnds - 1)) { [self] in hit.damageEntry() }
        }
    }

    /// Deletes the gate with its records and holders. The queue stays.
    func loseGate(of partition: PartitionID) {
        if exchanged != nil { return }
        line.note("DISASTER", "partition \(partition.rawValue) loses its gate, but not its queue")
        redis(of: partition).loseGate(of: partition)
    }

    /// The number of queued requests.
    var queuedRequests: Int {
        gates.reduce(0) { sum, partition in
            sum + partition.queue.reduce(0) { $0 + $1.entry.requestCount }
        }
    }

    /// The time to move everything once, in microseconds.
    var work: Int64 { weights.moving(queuedRequests, redis.data, postgres.tables) + searching }

    /// The time to search all holders once. Before each page of them the queue is read up to three times.
    var searching: Int64 {
        guard exchanged == .damage else { return 0 }
        let holders = partitioning.all.reduce(0) { $0 + redis(of: $1).data.holderCount(of: $1) }
        let entries = min(queuedRequests, drawnWeights.page)
        let pages = holders / drawnWeights.page + partitioning.count
        return weights.holders(holders) + Int64(3 * pages) * weights.entries(entries)
    }
}
