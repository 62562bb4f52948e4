/// A real Redis Cluster on this machine.
internal import Synchronization

/// Masters with a replica each, at 127.0.0.2, 127.0.0.3 and so on, all with one port. It ends when the last
/// reference goes.
///
/// Starting one takes three to four seconds, so a suite starts one, and its tests call `clear`.
public final class RedisCluster: Sendable {
    /// First those that are masters at the start, then their replicas in the same order. A failover changes
    /// the roles, and not this list.
    public let nodes: [RedisServer]
    /// How many masters there are.
    public let masters: Int

    /// Servers that have joined later, or may.
    private let spares = Mutex<[RedisServer]>([])
    private let port: Int
    private let bus: Int
    private let nodeTimeout: Int

    /// Starts the servers, joins them, and waits until all of them know the whole cluster.
    /// - Parameters:
    ///   - masters: each gets an even share of the hash slots, and a replica.
    ///   - nodeTimeout: in milliseconds: a node that is silent for so long is replaced.
    ///   - settings: further options of each redis-server; a later one wins.
    ///   - places: where the nodes are, in their order, if not at 127.0.0.2 and so on.
    ///   - isJoined: false to join them later: the nodes know nothing of each other.
    public init(
        masters: Int = 3, nodeTimeout: Int = 1_000, _ settings: [String] = [],
        places: [Place]? = nil, isJoined: Bool = true
    ) async throws {
        self.masters = masters
        let places = places ?? (0..<(2 * masters)).map { Place(host: "127.0.0.\($0 + 2)") }
        let (port, bus) = (Int(try freePort()), Int(try freePort()))
        (self.port, self.bus, self.nodeTimeout) = (port, bus, nodeTimeout)
        nodes = try await withThrowingTaskGroup(of: (Int, RedisServer).self) { group in
            for index in 0..<(2 * masters) {
                group.addTask {
                    (index, try await Self.server(places[index], port, bus, nodeTimeout, settings))
                }
            }
            return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
                .sorted { $0.key < $1.key }.map(\.value)
        }
        if isJoined { try await join(bus) }
    }

    /// Starts a server that may join the cluster later.
    public func spareNode(at host: String) async throws -> RedisServer {
        let spare = try await Self.server(Place(host: host), port, bus, nodeTimeout, [])
        spares.withLock { $0.append(spare) }
        return spare
    }

    /// All servers that are or were in the cluster.
    public var allNodes: [RedisServer] { nodes + spares.withLock { $0 } }

    /// Where a node is.
    public struct Place: Sendable {
        /// Its address.
        public let host: String
        /// A command that becomes the server, such as `ip netns exec`.
        public let starter: [String]

        /// A place.
        public init(host: String, startedBy starter: [String] = []) {
            self.host = host
            self.starter = starter
        }
    }

    private static func server(
        _ place: Place, _ port: Int, _ bus: Int, _ nodeTimeout: Int, _ settings: [String]
    ) async throws -> RedisServer {
        let host = place.host
        return try await RedisServer(
            [
                "--cluster-enabled", "yes", "--cluster-port", String(bus),
                "--cluster-node-timeout", String(nodeTimeout), "--cluster-announce-ip", host,
                // Otherwise nodes reach each other from 127.0.0.1, and protected mode admits only that.
                "--bind-source-addr", host, "--protected-mode", "no",
                "--cluster-require-full-coverage", "no", "--repl-diskless-sync-delay", "0",
            ] + settings, host: host, port: port, startedBy: place.starter)
    }

    private func join(_ bus: Int) async throws {
        for (index, node) in nodes.enumerated() {
            try await node.cli("CLUSTER", "SET-CONFIG-EPOCH", String(index + 1))
            guard index < masters else { continue }
            let (first, end) = (
                16_384 * index / masters, 16_384 * (index + 1) / masters
            )
            try await node.cli("CLUSTER", "ADDSLOTSRANGE", String(first), String(end - 1))
        }
        for node in nodes.dropFirst() {
            try await nodes[0].cli(
                "CLUSTER", "MEET", node.host, String(node.port), String(bus))
        }
        try await eventually("all nodes have met") {
            for node in nodes where try await lines(of: node).count < nodes.count { return false }
            return true
        }
        for index in 0..<masters {
            let id = try await self.id(of: nodes[index])
            try await eventually("replica \(index) follows") {
                try await nodes[masters + index].cli("CLUSTER", "REPLICATE", id) == "OK"
            }
        }
        try await waitUntilWhole()
    }

    /// Waits until every node sees every slot served, every master with a replica that has caught up, and
    /// nobody missing.
    public func waitUntilWhole(within limit: Duration = .seconds(30)) async throws {
        try await eventually("the cluster is whole", within: limit) {
            for node in nodes {
                let lines = try await lines(of: node)
                let replicas = lines.count { $0.contains("slave") }
                guard replicas == masters, !lines.contains(where: { $0.contains("fail") }),
                    try await node.cli("CLUSTER", "INFO").contains("cluster_state:ok")
                else { return false }
                let replication = try await node.cli("INFO", "replication")
                guard
                    replication.contains("role:master")
                        ? replication.contains("state=online")
                        : replication.contains("master_link_status:up")
                else { return false }
            }
            return true
        }
    }

    /// Where clients find the cluster: every node.
    public var seeds: [String] { nodes.map { "\($0.host):\($0.port)" } }

    /// The nodes as `redis-cli --cluster create` takes them: with the port of the bus.
    public var unjoinedNodes: [String] { seeds.map { "\($0)@\(bus)" } }

    /// The id that a node gave itself.
    public func id(of node: RedisServer) async throws -> String {
        try await node.cli("CLUSTER", "MYID")
    }

    /// The master that serves a hash slot now, as the first node that answers sees it.
    public func master(ofSlot slot: Int) async throws -> RedisServer? {
        for line in try await lines(of: nodes[0]) {
            let words = line.split(separator: " ")
            guard words.count > 8, words[2].contains("master") else { continue }
            let serves = words[8...].contains { word in
                let ends = word.split(separator: "-").compactMap { Int($0) }
                return ends.count > 0 && (ends[0]...ends[ends.count - 1]).contains(slot)
            }
            if serves { return nodes.first { words[1].hasPrefix("\($0.host):") } }
        }
        return nil
    }

    /// Removes all data, so that another test finds nothing.
    public func clear() async throws {
        for node in nodes where try await node.cli("INFO", "replication").contains("role:master") {
            try await node.cli("FLUSHALL")
        }
    }

    /// The lines of CLUSTER NODES, without those of nodes that are still in their handshake.
    private func lines(of node: RedisServer) async throws -> [Substring] {
        try await node.cli("CLUSTER", "NODES").split(separator: "\n")
            .filter { !$0.contains("handshake") && $0.contains(":") }
    }
}
