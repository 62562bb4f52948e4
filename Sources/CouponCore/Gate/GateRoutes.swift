/// A worker's gates, and which of them serves each partition: a single Redis is one gate, a cluster has one
/// for each node.
///
/// Confined to the worker's event loop.
public struct GateRoutes {
    /// The connections to one node.
    public struct Way {
        /// To its gates.
        public let gate: any Gate
        /// To ask about its replicas; nil if the worker waits for none.
        public let replicas: (any ReplicaLink)?

        /// The connections to one node.
        public init(gate: any Gate, replicas: (any ReplicaLink)? = nil) {
            self.gate = gate
            self.replicas = replicas
        }
    }

    /// All nodes that were ever known. A node that serves nothing any more keeps its place: Redis may still
    /// run what was sent to it.
    public let ways: [Way]
    /// For each partition the place of its node in `ways`; negative if no node serves it now.
    public let places: [Int]

    /// Routes to several nodes.
    public init(ways: [Way], places: [Int]) {
        self.ways = ways
        self.places = places
    }

    /// One gate serves everything.
    public init(
        gate: any Gate, replicas: (any ReplicaLink)? = nil, _ partitioning: Partitioning
    ) {
        ways = [Way(gate: gate, replicas: replicas)]
        places = Array(repeating: 0, count: partitioning.count)
    }
}

/// Makes a worker's gates, and follows the nodes of Redis. Confined to the worker's event loop.
public protocol GateSource: AnyObject {
    /// Called when the routes may have changed.
    var mayHaveChanged: (() -> Void)? { get set }

    /// The routes as they are known now; nil if they have not changed since the last call.
    func changedRoutes() -> GateRoutes?

    /// Closes all connections for good; no answer comes any more.
    func close()
}
