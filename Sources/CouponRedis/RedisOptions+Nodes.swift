/// Which nodes there are, and how each of them is used. A single Redis, or the one that Sentinel names, is
/// the only node.
internal import CouponCore

extension RedisOptions {
    /// Whether Redis is a cluster of several nodes.
    public var isCluster: Bool { topology?.isOfCluster ?? false }

    /// The nodes that hold gates. Asks the cluster for them if they are not known.
    func nodes() throws(BackendError) -> [RedisNode.ID] {
        guard isCluster, let topology else { return [.single] }
        if let current = topology.current { return current.nodes.map(\.id) }
        return try topology.read().nodes.map(\.id)
    }

    /// The node of a partition; nil if none serves it now.
    func node(of partition: PartitionID) -> RedisNode.ID? {
        isCluster ? topology?.current?.node(of: partition)?.id : .single
    }

    /// The nodes of all partitions, at one moment; nil for those that no node serves.
    func nodes(of partitioning: Partitioning) -> [RedisNode.ID?] {
        guard isCluster else { return partitioning.all.map { _ in .single } }
        let now = topology?.current
        return partitioning.all.map { now?.node(of: $0)?.id }
    }

    /// Whether a node is, as far as is known, one that holds gates.
    func mayHave(_ node: RedisNode.ID) -> Bool {
        guard isCluster, let current = topology?.current else { return true }
        return current.node(node) != nil
    }

    /// Asks for the topology to be read again soon.
    func topologyMayHaveChanged() { topology?.refresh() }

    /// Options for connections to one node. If there are several nodes, one that does not answer must not
    /// hold up the others.
    func of(_ node: RedisNode.ID) -> RedisOptions {
        guard isCluster, let topology else { return self }
        var options = at(node, of: topology)
        options.isOneOfSeveral = true
        return options
    }

    /// The longest connect of a thread that may block, in milliseconds.
    var blockingConnectMilliseconds: Int64 {
        isOneOfSeveral
            ? min(connectTimeoutMilliseconds, Limits.nodeConnectMilliseconds)
            : connectTimeoutMilliseconds
    }

    /// The longest wait of a thread that may block for an answer, in milliseconds. Other nodes' partitions
    /// wait with it.
    var blockingTimeoutMilliseconds: Int64 {
        isOneOfSeveral
            ? min(commandTimeoutMilliseconds, Limits.nodeCommandMilliseconds)
            : commandTimeoutMilliseconds
    }
}
