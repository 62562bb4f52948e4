/// Batches that PostgreSQL fails without ending the session: by the statement timeout (57014), or because
/// there is no room for one partition's rows (53100).
import CouponCore

extension Play {
    /// PostgreSQL refuses one partition's issues until `ends`.
    struct SimulatedOutage {
        let partition: PartitionID
        let begins: Int64
        let ends: Int64
    }

    /// Only in some of the plays with weights and two partitions. It lasts longer than all other faults, so
    /// that its cost to the other partition shows.
    func drawOutage() -> SimulatedOutage? {
        guard weights.isDrawn, partitioning.count > 1, line.chance(400) else { return nil }
        return SimulatedOutage(
            partition: PartitionID(line.draw(0...1)),
            begins: line.random(0...troubleEnds), ends: troubleEnds + 12_000_000)
    }

    /// How PostgreSQL fails this batch, and after how long; nil if it does not.
    func end(of batch: Batch) -> (after: Int64, error: BackendError)? {
        guard batch.requestCount > 0 else { return nil }
        if let outage, batch.partition == outage.partition, line.now >= outage.begins,
            line.now < outage.ends
        {
            return (0, .postgres(.failed("53100: no space left on device")))
        }
        // A queue entry is never split.
        if let longest = weights.longestBatch, batch.items.count > 1, batch.requestCount > longest {
            return (
                Weights.statementTimeout,
                .postgres(.tooSlow("57014: canceling statement due to statement timeout"))
            )
        }
        return nil
    }
}

extension SimulatedLedger {
    /// Fails the statement if the play says so. The session stays.
    func runInto(_ batch: Batch) throws(BackendError) {
        guard let end = play.end(of: batch) else { return }
        try session.spend(end.after)
        throw end.error
    }
}
