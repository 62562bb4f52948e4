/// Batches that PostgreSQL ends although the session stands: the statement timeout (57014), and one
/// partition's rows for which there is no room (53100).
import CouponCore

extension Play {
    /// One partition's issues are refused, until then.
    struct SimulatedOutage {
        let partition: PartitionID
        let begins: Int64
        let ends: Int64
    }

    /// In some of the plays with two partitions that have weights. It outlasts the troubles: nothing else is
    /// wrong then, so that whatever it costs the other partition shows.
    func drawOutage() -> SimulatedOutage? {
        guard weights.isDrawn, partitioning.count > 1, line.chance(400) else { return nil }
        return SimulatedOutage(
            partition: PartitionID(line.draw(0...1)),
            begins: line.random(0...troubleEnds), ends: troubleEnds + 12_000_000)
    }

    /// Whether PostgreSQL ends this batch; then after how long, and how.
    func end(of batch: Batch) -> (after: Int64, error: LedgerError)? {
        guard batch.requestCount > 0 else { return nil }
        if let outage, batch.partition == outage.partition, line.now >= outage.begins,
            line.now < outage.ends
        {
            return (0, .failed("53100: no space left on device"))
        }
        // A queue entry is never split.
        if let longest = weights.longestBatch, batch.items.count > 1, batch.requestCount > longest {
            return (
                Weights.statementTimeout,
                .tooSlow("57014: canceling statement due to statement timeout")
            )
        }
        return nil
    }
}

extension SimulatedLedger {
    /// The statement fails, and the session stands.
    func runInto(_ batch: Batch) throws(LedgerError) {
        guard let end = play.end(of: batch) else { return }
        try session.spend(end.after)
        throw end.error
    }
}
