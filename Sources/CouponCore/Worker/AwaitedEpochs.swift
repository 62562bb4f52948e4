/// Partitions whose gate has shown a later epoch than the last row of PostgreSQL (rule 15). Their coupons
/// wait until the rows have been read again.
struct AwaitedEpochs {
    private var epochs: [PartitionID: Epoch] = [:]

    func contains(_ partition: PartitionID) -> Bool { epochs[partition] != nil }

    mutating func add(_ epoch: Epoch, of partition: PartitionID) { epochs[partition] = epoch }

    /// Ends all waits, because the rows have been read.
    /// - Returns: the partitions whose row still has an earlier epoch than their gate.
    mutating func end(rows: PartitionBook) -> Set<PartitionID> {
        defer { epochs.removeAll() }
        return Set(epochs.lazy.filter { $0.value > rows.epoch(of: $0.key) }.map(\.key))
    }
}
