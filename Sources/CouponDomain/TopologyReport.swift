/// Which Redis serves which partitions, as a daemon knows it and an operator reads it.
public struct TopologyReport: Equatable, Sendable {
    /// How Redis is run.
    public enum Kind: UInt8, CaseIterable, Sendable {
        /// One server.
        case single = 1
        /// A master that Sentinel names.
        case sentinel = 2
        /// The masters of a cluster.
        case cluster = 3
    }

    /// A Redis that serves partitions, or could.
    public struct Node: Equatable, Sendable {
        /// The daemon's name for it: in a cluster the id that the node gave itself.
        public var id: String
        /// Where the daemon reaches it: `host:port`, or `unix:/path`.
        public var address: String
        /// Rises with every failover; 0 for a single Redis.
        public var term: UInt64
        /// The partitions whose keys are at this node.
        public var partitions: [PartitionID]

        /// A node.
        public init(id: String, address: String, term: UInt64, partitions: [PartitionID]) {
            self.id = id
            self.address = address
            self.term = term
            self.partitions = partitions
        }
    }

    /// How Redis is run.
    public var kind: Kind
    /// The epoch of the cluster, or Sentinel's config epoch; 0 for a single Redis.
    public var epoch: UInt64
    /// Those with partitions first; `Limits.nodesPerReport` at most.
    public var nodes: [Node]
    /// How many nodes were left out.
    public var moreNodes: Int
    /// Why the topology could not be read the last time; nil if it could.
    public var trouble: String?

    /// A report.
    public init(
        kind: Kind, epoch: UInt64, nodes: [Node], moreNodes: Int = 0, trouble: String? = nil
    ) {
        self.kind = kind
        self.epoch = epoch
        self.nodes = nodes
        self.moreNodes = moreNodes
        self.trouble = trouble
    }
}
