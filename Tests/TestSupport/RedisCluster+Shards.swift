/// Who serves what in a cluster, and how that is changed on purpose.

extension RedisCluster {
    /// A master with its replica, and the hash slots that it serves.
    public struct Shard: Sendable {
        /// The node that serves the slots.
        public let master: RedisServer
        /// The node that replaces it.
        public let replica: RedisServer
        /// The slots.
        public let slots: [ClosedRange<Int>]

        /// Whether the master serves this hash slot.
        public func serves(_ slot: Int) -> Bool { slots.contains { $0.contains(slot) } }
    }

    /// All shards, as one node sees them.
    /// - Parameter viewer: nil for the first node.
    /// - Throws: ``ServerProcessError`` while a master has no slots or no replica.
    public func shards(seenBy viewer: RedisServer? = nil) async throws -> [Shard] {
        let table = try await (viewer ?? nodes[0]).cli("CLUSTER", "NODES")
        let rows = table.split(separator: "\n").map { $0.split(separator: " ") }
            .filter { $0.count > 7 && !$0[2].contains("fail") }
        func server(_ row: [Substring]) -> RedisServer? {
            nodes.first { row[1].hasPrefix("\($0.host):") }
        }
        return try rows.filter { $0[2].contains("master") && $0.count > 8 }.map { row in
            let replica = rows.first { $0[2].contains("slave") && $0[3] == row[0] }
            guard let master = server(row), let replica = replica.flatMap(server) else {
                throw ServerProcessError(description: "a master without a replica:\n\(table)")
            }
            // Slots that move are in brackets, after the others.
            let slots = row[8...].compactMap { word -> ClosedRange<Int>? in
                let ends = word.split(separator: "-").compactMap { Int($0) }
                guard let first = ends.first, let last = ends.last else { return nil }
                return word.hasPrefix("[") ? nil : first...last
            }
            return Shard(master: master, replica: replica, slots: slots)
        }
    }

    /// The shard that serves a hash slot.
    /// - Throws: ``ServerProcessError`` if there is none.
    public func shard(ofSlot slot: Int) async throws -> Shard {
        guard let shard = try await shards().first(where: { $0.serves(slot) }) else {
            throw ServerProcessError(description: "no master serves slot \(slot)")
        }
        return shard
    }

    /// Whether a node takes itself for a master.
    public func isMaster(_ node: RedisServer) async throws -> Bool {
        try await node.cli("INFO", "replication").contains("role:master")
    }

    /// Waits until a node has become a master.
    public func waitUntilMaster(_ node: RedisServer) async throws {
        try await eventually("\(node.host) is a master") { try await isMaster(node) }
    }

    /// Makes a replica the master, in agreement with the one before, which loses nothing.
    public func failOver(to replica: RedisServer) async throws {
        // The replica gives up after five seconds, and answers no error.
        try await eventually("\(replica.host) has replaced its master", within: .seconds(40)) {
            guard try await replica.cli("CLUSTER", "FAILOVER") == "OK" else { return false }
            try await eventually("\(replica.host) is a master", within: .seconds(6)) {
                try await isMaster(replica)
            }
            return true
        }
    }

    /// Announces that a hash slot moves from one master to another. From now on the source serves only the
    /// keys that it still has.
    public func beginMove(of slot: Int, from source: RedisServer, to target: RedisServer)
        async throws
    {
        let (sourceID, targetID) = (try await id(of: source), try await id(of: target))
        try await expectOK(target, "CLUSTER", "SETSLOT", "\(slot)", "IMPORTING", sourceID)
        try await expectOK(source, "CLUSTER", "SETSLOT", "\(slot)", "MIGRATING", targetID)
    }

    /// Moves keys of a slot whose move was announced.
    /// - Parameter half: whether only half of its keys.
    public func moveKeys(of slot: Int, from source: RedisServer, to target: RedisServer, half: Bool)
        async throws
    {
        let answer = try await source.cli("CLUSTER", "GETKEYSINSLOT", "\(slot)", "1000000")
        let keys = answer.split(separator: "\n").map(String.init)
        for first in stride(from: 0, to: half ? keys.count / 2 : keys.count, by: 100) {
            let some = keys[first..<min(first + 100, keys.count)]
            let moved = try await source.cli(
                ["MIGRATE", target.host, "\(target.port)", "", "0", "5000", "KEYS"] + some)
            guard moved == "OK" || moved == "NOKEY" else {
                throw ServerProcessError(description: "MIGRATE: \(moved)")
            }
        }
    }

    /// Ends the move of a slot: all keys go, then all masters learn the new owner.
    public func endMove(of slot: Int, from source: RedisServer, to target: RedisServer)
        async throws
    {
        try await eventually("slot \(slot) is empty at its old master") {
            try await moveKeys(of: slot, from: source, to: target, half: false)
            return try await source.cli("CLUSTER", "COUNTKEYSINSLOT", "\(slot)") == "0"
        }
        let targetID = try await id(of: target)
        let others = try await shards().map(\.master).filter { $0 !== target && $0 !== source }
        for node in [target, source] + others {
            try await expectOK(node, "CLUSTER", "SETSLOT", "\(slot)", "NODE", targetID)
        }
    }

    /// Gives a slot to another master without its keys, which the old one then deletes.
    public func steal(slot: Int, from source: RedisServer, for target: RedisServer) async throws {
        let (sourceID, targetID) = (try await id(of: source), try await id(of: target))
        // Without the first step the target would keep its epoch, which may be the lower one.
        try await expectOK(target, "CLUSTER", "SETSLOT", "\(slot)", "IMPORTING", sourceID)
        try await expectOK(target, "CLUSTER", "SETSLOT", "\(slot)", "NODE", targetID)
    }

    private func expectOK(_ node: RedisServer, _ command: String...) async throws {
        let answer = try await node.cli(command)
        guard answer == "OK" else {
            throw ServerProcessError(description: "\(command.joined(separator: " ")): \(answer)")
        }
    }
}
