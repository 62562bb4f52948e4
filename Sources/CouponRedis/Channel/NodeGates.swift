/// A worker's connections to all nodes of Redis that hold gates.
public import CouponCore
public import Logging
public import NIOCore

/// Makes a gate connection, and one for questions about replicas, for each node that serves a partition.
/// Everything is called on the event loop.
///
/// The connections to a node stay when it serves nothing any more: if it comes back, the next connection must
/// kill the old one, whose calls Redis may still run (rule 14). After ten minutes they are closed: no call
/// may be accepted so late (rule 12).
public final class NodeGates: GateSource {
    private struct Node {
        let id: RedisNode.ID
        let gate: GateConnection
        let replicas: ReplicaConnection?
    }

    private let eventLoop: any EventLoop
    private var options: RedisOptions
    private let partitioning: Partitioning
    private let replicas: Int
    private let replicaTimeoutMilliseconds: Int64
    private let logger: Logger
    private var nodes: [Node] = []
    private var places: [Int]?
    private var gone = GoneNodes()
    /// The next look at the nodes that are gone.
    private var nextLook: Scheduled<Void>?
    /// Nil if Redis is not a cluster.
    private var observation: TopologyObservation?

    /// Called after each change of the topology.
    public var mayHaveChanged: (() -> Void)?

    /// - Parameters:
    ///   - eventLoop: the worker's.
    ///   - options: where Redis is.
    ///   - replicas: how many replicas must have an acceptance; 0: none.
    ///   - replicaTimeoutMilliseconds: how long they may take.
    ///   - logger: gets a line for each break, and for each unsafe setting that is allowed.
    public init(
        eventLoop: any EventLoop, options: RedisOptions, partitioning: Partitioning,
        replicas: Int, replicaTimeoutMilliseconds: Int64, logger: Logger
    ) {
        self.eventLoop = eventLoop
        self.options = options
        self.partitioning = partitioning
        self.replicas = replicas
        self.replicaTimeoutMilliseconds = replicaTimeoutMilliseconds
        self.logger = logger
        guard options.isCluster else { return }
        observation = options.observeTopology(on: eventLoop) { [weak self] in
            self?.mayHaveChanged?()
        }
    }

    /// The routes by the topology that was read last; nil if the same nodes serve the same partitions.
    public func changedRoutes() -> GateRoutes? {
        let now = options.nodes(of: partitioning).map { $0.map { place(of: $0) } ?? -1 }
        guard now != places else { return nil }
        places = now
        gone.update(count: nodes.count, serving: Set(now), now: .now())
        lookAtGoneNodesLater()
        for (place, node) in nodes.enumerated() {
            if let first = now.firstIndex(of: place) {
                node.replicas?.partition = PartitionID(first)
            }
        }
        return GateRoutes(
            ways: nodes.map { GateRoutes.Way(gate: $0.gate, replicas: $0.replicas) }, places: now)
    }

    private func lookAtGoneNodesLater() {
        guard nextLook == nil, !gone.isEmpty else { return }
        let pause = TimeAmount.seconds(Limits.goneNodeSeconds)
        nextLook = eventLoop.assumeIsolated().scheduleTask(in: pause) { [weak self] in
            guard let self else { return }
            closeGoneNodes(after: pause)
        }
    }

    private func closeGoneNodes(after pause: TimeAmount) {
        nextLook = nil
        let places = gone.close(after: pause, now: .now()) {
            nodes[$0].gate.mayBeGivenUp
        }
        for place in places {
            nodes[place].gate.giveUp()
            nodes[place].replicas?.close()
        }
        lookAtGoneNodesLater()
    }

    private func place(of id: RedisNode.ID) -> Int {
        let known = nodes.indices.first { nodes[$0].id == id && !gone.closed.contains($0) }
        if let known { return known }
        let options = options.of(id)
        let gate = GateConnection(eventLoop: eventLoop, options: options, logger: logger)
        gate.start()
        let link =
            replicas == 0
            ? nil
            : ReplicaConnection(
                eventLoop: eventLoop, options: options, replicas: replicas,
                timeoutMilliseconds: replicaTimeoutMilliseconds, logger: logger)
        nodes.append(Node(id: id, gate: gate, replicas: link))
        return nodes.count - 1
    }

    /// The backlogs beyond which each gate refuses, from the next call on.
    public func use(backlogPerCoupon: Int64, backlogPerPartition: Int64) {
        options.backlogPerCoupon = backlogPerCoupon
        options.backlogPerPartition = backlogPerPartition
        for node in nodes {
            node.gate.use(
                backlogPerCoupon: backlogPerCoupon, backlogPerPartition: backlogPerPartition)
        }
    }

    /// Closes all connections and replaces none.
    public func close() {
        observation = nil
        mayHaveChanged = nil
        nextLook?.cancel()
        for node in nodes {
            node.gate.close()
            node.replicas?.close()
        }
    }
}
