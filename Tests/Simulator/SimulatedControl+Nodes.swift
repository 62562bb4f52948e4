/// Where the calls of a `SimulatedControl` go, and how it waits for entries at one server or at several.
import CouponCore
import CoreTestKit

extension SimulatedControl {
    /// The last known place, by partition if they lie on several masters.
    private func key(_ partition: PartitionID) -> PartitionID {
        play.isSpread ? partition : PartitionID(0)
    }

    private func mapped(_ partition: PartitionID) -> RedisNodes.Place {
        fiber.daemon?.place(of: partition) ?? play.nodes.current
    }

    /// Where calls go: where the last question for a node said, or where the map says.
    func server(of partition: PartitionID) -> RedisServer {
        (places[key(partition)] ?? mapped(partition)).server
    }

    func node(of partition: PartitionID) -> RedisNode.ID {
        let place = mapped(partition)
        places[key(partition)] = place
        // A real daemon knows the only Redis by this name, and a partition does not rest for what it took.
        return play.kind == .single ? .single : place.id
    }

    private func place(of node: RedisNode.ID) -> RedisNodes.Place {
        places.values.first { $0.id == node } ?? play.nodes.current
    }

    func state(of node: RedisNode.ID) throws(BackendError) -> RedisNodeState {
        let place = place(of: node)
        let server = place.server
        let isOfCluster = play.kind == .cluster
        return try run(at: server, "state") { _, _ in
            RedisNodeState(
                identity: server.identity, term: isOfCluster ? server.term : place.term)
        }
    }

    func confirmedState(of node: RedisNode.ID) throws(BackendError) -> RedisNodeState {
        if play.kind == .sentinel, let daemon = fiber.daemon {
            play.sleep(fiber, play.line.delay())
            let answer = play.nodes.answer(to: daemon)
            let place = place(of: node)
            guard let answer, answer.server === place.server, answer.term == place.term else {
                throw lost("the sentinels do not name this master", "state", place.server)
            }
        }
        return try state(of: node)
    }

    // MARK: Waiting

    func wait(
        for queues: [(partition: PartitionID, after: Position)], milliseconds: Int
    ) throws(BackendError) -> [PartitionID] {
        let end = play.line.now + Int64(milliseconds) * 1_000
        if play.isSpread { return waitAtSeveral(for: queues, until: end) }
        let redis = server(of: PartitionID(0))
        let unblocked = redis.unblocked
        while true {
            guard !fiber.isDead, redis.isUp, processes[redis.number] == redis.process,
                unblocked == redis.unblocked, redis.refusal == nil,
                play.reaches(fiber.daemon, redis)
            else {
                throw lost("Redis is away", "wait", redis)
            }
            let grown = queues.filter { hasGrown($0, at: redis) }
            if !grown.isEmpty || play.line.now >= end { return grown.map(\.partition) }
            play.blocked.append(fiber)
            play.sleep(fiber, end - play.line.now)
        }
    }

    /// Queues of nodes that are away are left out: their partitions fail anyway.
    private func waitAtSeveral(
        for queues: [(partition: PartitionID, after: Position)], until end: Int64
    ) -> [PartitionID] {
        while true {
            let grown = queues.filter { queue in
                let redis = server(of: queue.partition)
                return redis.isUp && !redis.isFrozen && play.reaches(fiber.daemon, redis)
                    && redis.refusal(of: queue.partition) == nil && hasGrown(queue, at: redis)
            }
            if !grown.isEmpty || play.line.now >= end || fiber.isDead {
                return grown.map(\.partition)
            }
            play.blocked.append(fiber)
            play.sleep(fiber, end - play.line.now)
        }
    }

    private func hasGrown(
        _ queue: (partition: PartitionID, after: Position), at redis: RedisServer
    ) -> Bool {
        let keys = redis.data[queue.partition]
        return !keys.foreign.isEmpty || keys.queue.contains { $0.entry.position > queue.after }
    }
}
