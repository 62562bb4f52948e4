// Which Redis serves which partitions: the request and its answer.

internal import CCouponProto
internal import CouponDomain

extension Coupond__V1__TopologyRequest: WireMessage {}
extension Coupond__V1__TopologyResponse: WireMessage {}
extension Coupond__V1__RedisNode: WireMessage {}

extension MessageArena {
    /// The answer fits in a frame: the number of nodes is bounded where the report is made.
    @_lifetime(borrow self)
    func topology(_ report: TopologyReport) throws(Failure) -> Part<Coupond__V1__TopologyResponse> {
        let part = try make(Coupond__V1__TopologyResponse.self)
        part.kind = Coupond__V1__RedisKind(rawValue: UInt32(report.kind.rawValue))
        part.epoch = report.epoch
        var nodes = try list(of: Coupond__V1__RedisNode.self, capacity: report.nodes.count)
        for value in report.nodes { nodes.append(try node(value)) }
        part[\.nodes, \.n_nodes] = nodes
        part.more_nodes = UInt32(clamping: report.moreNodes)
        part.trouble = try text(report.trouble ?? "", upTo: Limits.maximumErrorTextBytes)
        return part
    }

    @_lifetime(borrow self)
    private func node(_ node: TopologyReport.Node) throws(Failure) -> Part<Coupond__V1__RedisNode> {
        let part = try make(Coupond__V1__RedisNode.self)
        part.id = try text(node.id, upTo: Limits.nodeTextBytes)
        part.address = try text(node.address, upTo: Limits.nodeTextBytes)
        part.term = node.term
        part[\.partitions, \.n_partitions] = try numbers(
            node.partitions.map { Int64($0.rawValue) })
        return part
    }
}

extension TopologyReport {
    init(_ raw: Part<Coupond__V1__TopologyResponse>) throws(Failure) {
        let number = raw.kind.rawValue
        guard let kind = UInt8(exactly: number).flatMap(Kind.init) else {
            throw .field("topology.kind", "not known here, got \(number)")
        }
        let trouble = try Field.text(raw.trouble, "topology.trouble")
        self.init(
            kind: kind, epoch: raw.epoch, nodes: try raw[\.nodes, \.n_nodes].map(Node.init),
            moreNodes: Int(raw.more_nodes), trouble: trouble.isEmpty ? nil : trouble)
    }
}

extension TopologyReport.Node {
    init(_ raw: Part<Coupond__V1__RedisNode>) throws(Failure) {
        self.init(
            id: try Field.text(raw.id, "topology.nodes.id"),
            address: try Field.text(raw.address, "topology.nodes.address"), term: raw.term,
            partitions: raw[\.partitions, \.n_partitions].values.map {
                PartitionID(Int(clamping: $0))
            })
    }
}
