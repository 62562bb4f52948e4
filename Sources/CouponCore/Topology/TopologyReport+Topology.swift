/// What an operator reads of a topology.
extension TopologyReport {
    /// A report on a topology.
    /// - Parameter trouble: why it could not be read the last time; nil if it could.
    public init(_ topology: Topology, _ partitioning: Partitioning, trouble: String? = nil) {
        let partitions = partitioning.all.reduce(into: [:]) { found, partition in
            topology.nodeIndex(of: partition).map { found[$0, default: []].append(partition) }
        }
        let nodes = topology.nodes.enumerated().map { index, node in
            Node(
                id: node.id.name, address: "\(node.address)", term: node.term,
                partitions: partitions[index] ?? [])
        }
        let ordered = nodes.filter { !$0.partitions.isEmpty } + nodes.filter(\.partitions.isEmpty)
        let shown = ordered.prefix(Limits.nodesPerReport)
        self.init(
            kind: topology.reportedKind, epoch: topology.epoch, nodes: Array(shown),
            moreNodes: ordered.count - shown.count, trouble: trouble)
    }
}

extension Topology {
    fileprivate var reportedKind: TopologyReport.Kind {
        switch kind {
        case .single: .single
        case .sentinel: .sentinel
        case .cluster: .cluster
        }
    }
}
