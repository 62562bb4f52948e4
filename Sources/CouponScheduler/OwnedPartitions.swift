/// The partitions that a lane owns, with what the scheduler remembers of each.
///
/// A step takes the state of its partition out, and puts it back. If the partition is lost in that step, the
/// state does not come back: another daemon may own the partition now (rule 9).
internal import CouponCore

struct OwnedPartitions: Sequence, Sendable {
    private var states: [PartitionID: Owned] = [:]
    /// Those whose state is out.
    private var out: Set<PartitionID> = []

    /// How many there are.
    var count: Int { states.count + out.count }

    var isEmpty: Bool { count == 0 }

    var partitions: Set<PartitionID> { out.union(states.keys) }

    var inOrder: [PartitionID] { partitions.sorted() }

    /// Since when the nodes of some are not reached (rule 56).
    var unreached: [PartitionID: MonotonicTime] { states.compactMapValues(\.unreachedSince) }

    /// A copy of a partition's state; nil if it is not owned, or its state is out.
    subscript(partition: PartitionID) -> Owned? { states[partition] }

    /// The states that are not out.
    func makeIterator() -> Dictionary<PartitionID, Owned>.Values.Iterator {
        states.values.makeIterator()
    }

    mutating func claim(_ own: Owned) { states[own.partition] = own }

    /// - Returns: its last state; nil if it was not owned, or its state is out.
    @discardableResult
    mutating func lose(_ partition: PartitionID) -> Owned? {
        out.remove(partition)
        return states.removeValue(forKey: partition)
    }

    mutating func loseAll() {
        states.removeAll()
        out.removeAll()
    }

    /// Takes a partition's state out, so that it is changed without a copy; nil if it is not owned, or its
    /// state is out.
    mutating func takeOut(_ partition: PartitionID) -> Owned? {
        guard let own = states.removeValue(forKey: partition) else { return nil }
        out.insert(partition)
        return own
    }

    /// Puts a state back, unless the partition was lost since it was taken out.
    mutating func putBack(_ own: Owned) {
        if out.remove(own.partition) != nil { states[own.partition] = own }
    }

    /// Changes a partition's state between steps. A partition that was lost has none.
    mutating func update(_ partition: PartitionID, _ change: (inout Owned) -> Void) {
        if let index = states.index(forKey: partition) { change(&states.values[index]) }
    }

    /// Forgets all rows, so that they are read again.
    mutating func forgetRows() {
        for index in states.values.indices { states.values[index].forget() }
    }
}
