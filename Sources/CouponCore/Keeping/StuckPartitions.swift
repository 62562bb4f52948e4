/// Partitions whose gates could not be updated. Each second `resync` goes through what the gates lack; what
/// is for these gates comes last, so that a gate that stays closed does not delay the others.
struct StuckPartitions {
    /// Those that failed in this round.
    private var now: Set<PartitionID> = []
    /// Those that failed in an earlier round, and were not tried in this one yet.
    private var before: Set<PartitionID> = []

    /// Those to pass over now.
    var all: Set<PartitionID> { now.union(before) }

    /// A round begins.
    mutating func begin() {
        before = all
        now = []
    }

    mutating func fail(_ partition: PartitionID) {
        before.remove(partition)
        now.insert(partition)
    }

    /// Nothing is left for the other gates: the partitions that failed in earlier rounds get their turn.
    /// - Returns: whether there are any.
    mutating func tryEarlierOnes() -> Bool {
        defer { before = [] }
        return !before.isEmpty
    }
}
