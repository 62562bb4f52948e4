/// The daemon's subscriptions to the events of all partitions of a cluster.
///
/// A partition's events are published at its node only (SPUBLISH): an ordinary channel would send each of
/// them to all nodes of the cluster. So each partition has a subscription of its own, which may break alone:
/// the node says so when the partition's hash slot leaves it.
public import CouponCore
internal import DequeModule
internal import Glibc
public import Logging

/// Completion events, over one blocking connection to each node. Confined to one thread; connects by itself.
public final class ClusterEventSource: EventSource {
    /// The longest `next` blocks while it waits, in milliseconds.
    private static let timeoutMilliseconds: Double = 500

    private let options: RedisOptions
    private let partitioning: Partitioning
    private let logger: Logger
    private var nodes: [RedisNode.ID: NodeSubscription] = [:]
    /// Where each partition's events are expected.
    private var homes: [RedisNode.ID?]
    private var signals: Deque<EventSignal> = []

    /// - Parameters:
    ///   - options: where Redis is; nothing is connected yet.
    ///   - logger: gets a line for each event that cannot be read.
    public init(options: RedisOptions, partitioning: Partitioning, logger: Logger) {
        self.options = options
        self.partitioning = partitioning
        self.logger = logger
        homes = Array(repeating: nil, count: partitioning.count)
    }

    /// Blocks until something arrives, at most half a second; nil if nothing did. Only connecting may take
    /// longer.
    public func next() -> EventSignal? {
        if let signal = signals.popFirst() { return signal }
        follow()
        for node in nodes.values { signals += node.advance() }
        if signals.isEmpty { receive() }
        return signals.popFirst()
    }

    /// Expects each partition's events where the partition is now.
    private func follow() {
        for (number, home) in options.nodes(of: partitioning).enumerated()
        where home != homes[number] {
            let partition = PartitionID(number)
            if let old = homes[number] { signals += nodes[old]?.drop(partition) ?? [] }
            homes[number] = home
            guard let home else { continue }
            if nodes[home] == nil {
                nodes[home] = NodeSubscription(options.of(home), logger)
            }
            nodes[home]?.expect(partition)
        }
        nodes = nodes.filter { !$0.value.isUnused }
    }

    /// Waits until a node has sent something.
    private func receive() {
        let connected = nodes.values.filter { $0.descriptor != nil }
        var descriptors = connected.compactMap { node in
            node.descriptor.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        }
        let next = nodes.values.compactMap(\.millisecondsToNextAttempt).min()
        let pause = max(1, min(next ?? Self.timeoutMilliseconds, Self.timeoutMilliseconds))
        _ = unsafe poll(&descriptors, nfds_t(descriptors.count), Int32(pause))
        for (node, descriptor) in zip(connected, descriptors) where descriptor.revents != 0 {
            signals += node.receive()
        }
    }
}
