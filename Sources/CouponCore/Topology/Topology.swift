/// Which Redis serves which partition. A value: a change makes another one.

/// The nodes, and the node of each partition, at one moment and as one server saw them.
///
/// Partitions lie on nodes by their hash tag, so this needs no knowledge of how many partitions there are: it
/// knows the node of every partition that there may be.
public struct Topology: Equatable, Sendable {
    /// How Redis is run.
    public enum Kind: Equatable, Sendable {
        /// One server, at one address.
        case single
        /// One server at a time; Sentinel says which.
        case sentinel
        /// Many masters, each with a part of the hash slots.
        case cluster
    }

    /// A range of hash slots that a node of a cluster serves.
    public struct SlotRange: Equatable, Sendable {
        /// The first slot.
        public let first: HashSlot
        /// The last slot; not before the first.
        public let last: HashSlot
        /// The master that serves them.
        public let node: RedisNode.ID

        /// A range; nil if its end is before its beginning.
        public init?(_ first: HashSlot, _ last: HashSlot, node: RedisNode.ID) {
            guard first <= last else { return nil }
            self.first = first
            self.last = last
            self.node = node
        }
    }

    /// How Redis is run.
    public let kind: Kind
    /// Rises with every change that the servers agreed on: `cluster_current_epoch` of a cluster, Sentinel's
    /// config epoch, 0 for a single Redis.
    public let epoch: UInt64
    /// All masters, ordered by their ids; each id is there once.
    public let nodes: [RedisNode]
    /// For each partition that there may be: the index of its node; -1 if no node serves its hash slot.
    private let nodeOfPartition: [Int32]

    /// One Redis that serves everything.
    public init(single address: RedisAddress) {
        self.init(.single, epoch: 0, RedisNode(id: .single, address: address, term: 0))
    }

    /// The master that Sentinel names.
    /// - Parameters:
    ///   - name: under which Sentinel watches it.
    ///   - term: Sentinel's config epoch.
    public init(sentinel name: String, address: RedisAddress, term: UInt64) {
        let node = RedisNode(id: RedisNode.ID(name), address: address, term: term)
        self.init(.sentinel, epoch: term, node)
    }

    private init(_ kind: Kind, epoch: UInt64, _ node: RedisNode) {
        self.kind = kind
        self.epoch = epoch
        nodes = [node]
        nodeOfPartition = Array(repeating: 0, count: Limits.maximumPartitions)
    }

    /// A cluster.
    /// - Parameters:
    ///   - epoch: `cluster_current_epoch`.
    ///   - masters: in any order; of two with one id the later one counts.
    ///   - slots: in any order; a later range wins. A hash slot of a node that is not among the masters has
    ///     no node.
    public init(cluster epoch: UInt64, masters: [RedisNode], slots: [SlotRange]) {
        kind = .cluster
        self.epoch = epoch
        let byID = Dictionary(masters.map { ($0.id, $0) }) { _, later in later }
        let nodes = byID.values.sorted { $0.id < $1.id }
        self.nodes = nodes
        let indices = Dictionary(uniqueKeysWithValues: zip(nodes.map(\.id), 0...))
        var nodeOfSlot = [Int32](repeating: -1, count: HashSlot.count)
        for range in slots {
            let index = Int32(indices[range.node] ?? -1)
            for slot in range.first.rawValue...range.last.rawValue { nodeOfSlot[slot] = index }
        }
        nodeOfPartition = Self.slotOfPartition.map { nodeOfSlot[$0.rawValue] }
    }

    /// The hash slots of all partitions that there may be.
    private static let slotOfPartition = (0..<Limits.maximumPartitions).map {
        HashSlot(of: PartitionID($0))
    }

    /// The node that serves a partition; nil if none does now.
    public func node(of partition: PartitionID) -> RedisNode? {
        nodeIndex(of: partition).map { nodes[$0] }
    }

    /// The index in `nodes` of the partition's node; nil if none serves it now. Costs one read of an array.
    public func nodeIndex(of partition: PartitionID) -> Int? {
        guard nodeOfPartition.indices.contains(partition.rawValue) else { return nil }
        let index = nodeOfPartition[partition.rawValue]
        return index < 0 ? nil : Int(index)
    }

    /// The node with an id; nil if there is none, or none any more.
    public func node(_ id: RedisNode.ID) -> RedisNode? { nodes.first { $0.id == id } }

    /// The partitions of a node, in order.
    public func partitions(of id: RedisNode.ID, _ partitioning: Partitioning) -> [PartitionID] {
        guard let index = nodes.firstIndex(where: { $0.id == id }) else { return [] }
        return partitioning.all.filter { nodeIndex(of: $0) == index }
    }

    /// Whether this one may take the place of an earlier one: it is of the same kind, and not of an earlier
    /// epoch. A server that was cut off keeps an old map, which shows in its epoch.
    public func mayReplace(_ earlier: Topology?) -> Bool {
        guard let earlier else { return true }
        return kind == earlier.kind && epoch >= earlier.epoch
    }
}
