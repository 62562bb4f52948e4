/// Waiting until a queue has something to issue.
public import CouponCore
internal import Glibc

extension RedisGateControl {
    typealias Queue = (partition: PartitionID, after: Position)

    /// Waits until one of the queues has an entry after the given position, or the time is over; 0 does not
    /// wait.
    /// - Returns: the partitions whose queues have one.
    public func wait(
        for queues: [(partition: PartitionID, after: Position)], milliseconds: Int
    ) throws(BackendError) -> [PartitionID] {
        guard let first = queues.first else { return [] }
        if options.isCluster { return watch(queues, milliseconds) }
        let node = try control(of: first.partition)
        // A single Redis may be a cluster of one node.
        if try node.perform({ _ in node.isCluster }) { return watch(queues, milliseconds) }
        return try read(queues, milliseconds, at: node)
    }

    /// One read for all queues, which blocks in Redis.
    private func read(
        _ queues: [Queue], _ milliseconds: Int, at node: NodeControl
    ) throws(BackendError) -> [PartitionID] {
        // BLOCK 0 would never time out.
        let block = milliseconds > 0 ? ["BLOCK", String(milliseconds)] : []
        let words = ["XREAD", "COUNT", "1"] + block + ["STREAMS"]
        var command = Command(argumentCount: words.count + 2 * queues.count)
        for word in words { command.append(word) }
        for queue in queues { command.append(Keys.queue(queue.partition)) }
        for queue in queues { command.append(queue.after.description) }
        let complete = command
        let reply = try node.perform { connection throws(BackendError) -> Reply? in
            let reply = try connection.ask(complete, blockingFor: Int64(max(0, milliseconds)))
            guard case .error(let text) = reply else { return reply }
            // One of the queues is not a stream. The next read of it finds that, so do not wait.
            if ErrorReply.isWrongType(text) { return nil }
            throw connection.error(text)
        }
        guard let reply else { return queues.map(\.partition) }
        let grown = Set((reply.elements ?? []).compactMap { $0.elements?.first?.text })
        return queues.map(\.partition).filter { grown.contains(Keys.queue($0)) }
    }

    /// How long one poll(2) lasts at most, in milliseconds: then queues whose read has failed get a new one.
    private static let longestPoll: Double = 250

    /// A read for each queue. The queues of a node that is away are left out: their partitions fail anyway.
    private func watch(_ queues: [Queue], _ milliseconds: Int) -> [PartitionID] {
        let groups = byNode(queues, { $0.partition }).filter { !$0.node.isAway }
        let end = ContinuousClock.now + .milliseconds(milliseconds)
        while true {
            var descriptors: [pollfd] = []
            for (node, queues) in groups {
                node.parked.park(queues)
                descriptors += node.parked.descriptors(of: queues)
            }
            let left = max(0, ContinuousClock.now.duration(to: end) / .milliseconds(1))
            let pause = min(left, Self.longestPoll)
            _ = unsafe poll(
                &descriptors, nfds_t(descriptors.count), Int32(clamping: Int64(pause.rounded(.up))))
            let grown = groups.flatMap { $0.node.parked.grown($0.items) }
            if !grown.isEmpty || ContinuousClock.now >= end { return grown }
        }
    }
}
