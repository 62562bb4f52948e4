/// What a node of a Redis Cluster says of the cluster.
internal import CouponCore

/// Answers to three commands in one pipeline. CLUSTER SLOTS has the hash slots and the addresses for clients;
/// only CLUSTER NODES has the config epochs; CLUSTER INFO has the current epoch.
struct ClusterAnswer {
    static let commands = [
        Command("CLUSTER", "SLOTS"), Command("CLUSTER", "NODES"), Command("CLUSTER", "INFO"),
    ]

    /// Hash slots that one master serves.
    private struct Share {
        let range: Topology.SlotRange
        let address: RedisAddress
    }

    /// - Parameters:
    ///   - replies: to `commands`, in order.
    ///   - server: the address that was asked; a node without an address of its own means this one.
    static func topology(
        _ replies: [Reply], from server: RedisAddress, _ map: AddressMap
    ) throws(TopologyFlaw) -> Topology {
        for case .error(let text) in replies { throw flaw(text) }
        guard replies.count == commands.count, let slots = replies[0].elements,
            let nodes = replies[1].text, let info = replies[2].text
        else { throw TopologyFlaw("does not answer as a node of a Redis Cluster does") }
        guard let epoch = currentEpoch(info) else {
            throw TopologyFlaw("does not say cluster_current_epoch")
        }
        let shares = try slots.map { (reply) throws(TopologyFlaw) in try share(reply, server, map) }
        guard !shares.isEmpty else {
            throw TopologyFlaw("knows no node that serves hash slots: is the cluster made?")
        }
        let terms = terms(nodes)
        var masters: [RedisNode.ID: RedisNode] = [:]
        for share in shares {
            let id = share.range.node
            // The three answers are not one snapshot.
            guard let term = terms[id] else {
                throw TopologyFlaw("changed its view of the cluster while it was read")
            }
            masters[id] = RedisNode(id: id, address: share.address, term: term)
        }
        return Topology(
            cluster: epoch, masters: Array(masters.values), slots: shares.map(\.range))
    }

    private static func flaw(_ text: String) -> TopologyFlaw {
        if text.contains("cluster support disabled") {
            return TopologyFlaw(
                "is not a node of a Redis Cluster (cluster-enabled is no): a single Redis is written "
                    + "without cluster:")
        }
        return TopologyFlaw("refuses: \(ErrorReply.refusal(text) ?? text)")
    }

    private static func currentEpoch(_ info: String) -> UInt64? {
        for line in info.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2, parts[0] == "cluster_current_epoch" { return UInt64(parts[1]) }
        }
        return nil
    }

    /// One element of CLUSTER SLOTS: the first slot, the last slot, the master, then its replicas. A node is
    /// host, port, id, and more. A host that is null or empty is the one that was asked.
    private static func share(
        _ reply: Reply, _ server: RedisAddress, _ map: AddressMap
    ) throws(TopologyFlaw) -> Share {
        guard let parts = reply.elements, parts.count >= 3, let node = parts[2].elements,
            node.count >= 3, let id = node[2].text, !id.isEmpty,
            let first = slot(parts[0]), let last = slot(parts[1]),
            let range = Topology.SlotRange(first, last, node: RedisNode.ID(id)),
            let port = node[1].integerValue.flatMap({ Int(exactly: $0) }),
            (1...65_535).contains(port)
        else { throw TopologyFlaw("answers CLUSTER SLOTS in a form that is not known") }
        let host = node[0].text ?? ""
        guard host != "?" else {
            throw TopologyFlaw(
                "does not know the host of node \(id): set cluster-announce-hostname")
        }
        if host.isEmpty {
            guard case .tcp(let asked, _) = server else {
                throw TopologyFlaw("does not know its own host")
            }
            return Share(range: range, address: .tcp(host: asked, port: port))
        }
        return Share(range: range, address: map[.tcp(host: host, port: port)])
    }

    private static func slot(_ reply: Reply) -> HashSlot? {
        reply.integerValue.flatMap { Int(exactly: $0) }.flatMap { HashSlot($0) }
    }

    /// The config epochs of the masters: `id host flags master ping pong config-epoch link slots…`.
    private static func terms(_ nodes: String) -> [RedisNode.ID: UInt64] {
        var terms: [RedisNode.ID: UInt64] = [:]
        for line in nodes.split(whereSeparator: \.isNewline) {
            let words = line.split(separator: " ")
            guard words.count >= 8, words[2].split(separator: ",").contains("master") else {
                continue
            }
            terms[RedisNode.ID(String(words[0]))] = UInt64(words[6])
        }
        return terms
    }
}
