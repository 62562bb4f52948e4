/// The slow side of the gates, over one blocking connection to each node.
///
/// Each call is one script, so a call that failed ran completely or not at all. The scripts compare epoch,
/// position, claim or version, so running one twice, or late, changes nothing.
public import CouponCore
public import Logging

/// What scheduler, loader and admin do to the gates. Confined to one thread; connects when needed.
public final class RedisGateControl: GateControl {
    typealias Evaluation = NodeControl.Evaluation
    typealias Argument = NodeControl.Argument

    let options: RedisOptions
    let logger: Logger
    private let whileWaiting: WhileWaiting?
    /// The nodes that calls went to.
    private var nodes: [RedisNode.ID: NodeControl] = [:]
    /// The nodes that the caller has asked for, in a cluster.
    private var routes: [PartitionID: RedisNode.ID] = [:]
    /// The epochs that inspections found last: the keys of a coupon are named by them.
    var epochs: [PartitionID: Epoch] = [:]
    /// The addresses that did not answer when all nodes were asked the last time.
    public private(set) var silentNodes: [String] = []

    /// - Parameters:
    ///   - options: where Redis is; nothing is connected yet.
    ///   - logger: gets a line for each unsafe setting that is allowed.
    ///   - whileWaiting: called twice a second while Redis does not answer; its error ends the call.
    public init(
        options: RedisOptions, logger: Logger,
        whileWaiting: (() throws(BackendError) -> Void)? = nil
    ) {
        self.options = options
        self.logger = logger
        self.whileWaiting = whileWaiting.map { WhileWaiting($0) }
    }

    /// Checks that the Redis user has all rights that a daemon needs, at each node that answers.
    /// - Throws: `missingRights`, which names those that are missing.
    public func checkRights() throws(BackendError) {
        _ = try fromEachNode { node throws(BackendError) in
            let missing = try node.run(
                .rights, keys: [], self.options.rights.commands.map { .text($0) }
            ).missingRights
            if let missing { throw .redis(.missingRights(missing)) }
        }
    }

    /// The next call to the node makes an attempt of its own.
    public func forgetFailure(of node: RedisNode.ID) { control(at: node).forgetFailure() }

    /// Checks the durability settings of each node that answers.
    /// - Returns: the identity of the first.
    public func identity() throws(BackendError) -> RedisIdentity {
        try fromEachNode { node throws(BackendError) in try node.state().identity }
    }

    /// Asks each node. Fails only if none answers: if one is away, the others still serve their partitions.
    /// In a cluster an error names its node.
    /// - Returns: the first answer.
    private func fromEachNode<Answer>(
        _ ask: (NodeControl) throws(BackendError) -> Answer
    ) throws(BackendError) -> Answer {
        var first: Answer?
        var failure = BackendError.redis(.unavailable("the Redis cluster has no masters"))
        silentNodes.removeAll()
        for node in try options.nodes() {
            do throws(BackendError) {
                let answer = try ask(control(at: node))
                first = first ?? answer
            } catch {
                let address = options.topology?.current?.node(node).map { "\($0.address)" }
                let error = options.isCluster ? error.naming(address ?? node.name) : error
                guard case .redis(.unavailable) = error else { throw error }
                silentNodes.append(address ?? node.name)
                failure = error
            }
        }
        guard let first else { throw failure }
        return first
    }

    /// The partition's node by the topology; other calls for the partition go there until this is called
    /// again. So what they read comes from the Redis whose state was asked for.
    public func node(of partition: PartitionID) throws(BackendError) -> RedisNode.ID {
        guard let node = options.node(of: partition) else {
            routes[partition] = nil
            throw Self.noNode(of: partition)
        }
        if options.isCluster { routes[partition] = node }
        return node
    }

    /// Asks a node which Redis it is and in which term, and checks its durability settings.
    public func state(of node: RedisNode.ID) throws(BackendError) -> RedisNodeState {
        try control(at: node).state()
    }

    /// A connection that leads elsewhere than the sentinels say is dropped by each call.
    public func confirmedState(of node: RedisNode.ID) throws(BackendError) -> RedisNodeState {
        if let topology = options.topology, !topology.isOfCluster { try topology.confirm() }
        return try state(of: node)
    }

    /// The connection to a partition's node.
    func control(of partition: PartitionID) throws(BackendError) -> NodeControl {
        guard let node = routes[partition] ?? options.node(of: partition) else {
            throw Self.noNode(of: partition)
        }
        return control(at: node)
    }

    static func noNode(of partition: PartitionID) -> BackendError {
        .redis(.unavailable("no node of Redis serves partition \(partition.rawValue) now"))
    }

    private func control(at node: RedisNode.ID) -> NodeControl {
        if let known = nodes[node] { return known }
        // Connections to masters that are gone are closed.
        nodes = nodes.filter { options.mayHave($0.key) }
        let control = NodeControl(
            options: options.of(node), logger: logger, whileWaiting: whileWaiting)
        nodes[node] = control
        return control
    }

    /// Runs a job with the connection to a partition's node.
    func perform<T>(
        _ partition: PartitionID, _ job: (BlockingConnection) throws(BackendError) -> T
    ) throws(BackendError) -> T {
        try control(of: partition).perform(job)
    }

    /// Runs scripts of one partition in one round trip, in order.
    /// - Parameter work: is done while Redis works.
    func run(
        _ evaluations: [Evaluation], of partition: PartitionID, during work: () -> Void = {}
    ) throws(BackendError) -> [Reply] {
        let node = try control(of: partition)
        return try node.perform { connection throws(BackendError) in
            try node.run(evaluations, on: connection, during: work)
        }
    }

    /// Runs scripts for each of many items, in one round trip for each node. If a node is away, only its
    /// items fail.
    /// - Returns: for each item what its last script answered.
    func runEach<Item, Value>(
        _ items: [Item], _ partition: (Item) -> PartitionID,
        _ evaluations: (Item) -> [Evaluation],
        _ read: (Reply) throws(BackendError) -> Value
    ) -> [Result<Value, BackendError>] {
        var results = items.map {
            Result<Value, BackendError>.failure(Self.noNode(of: partition($0)))
        }
        for (node, places) in byNode(Array(items.indices), { partition(items[$0]) }) {
            do throws(BackendError) {
                let groups = places.map { evaluations(items[$0]) }
                try node.perform { connection throws(BackendError) in
                    let replies = try node.replies(to: groups.flatMap(\.self), on: connection)
                    // A connection to a Redis that is no longer a master must not be kept.
                    for case .error(let text) in replies where ErrorReply.isTopologyNews(text) {
                        throw connection.error(text)
                    }
                    var last = -1
                    for (place, group) in zip(places, groups) {
                        last += group.count
                        results[place] = Result { () throws(BackendError) in
                            if case .error(let text) = replies[last] {
                                throw connection.error(text)
                            }
                            return try read(replies[last])
                        }
                    }
                }
            } catch {
                for place in places { results[place] = .failure(error) }
            }
        }
        return results
    }

    /// Runs a script of a partition.
    func run(
        _ script: Script, of partition: PartitionID, keys: [String], _ arguments: [Argument]
    ) throws(BackendError) -> Reply {
        try control(of: partition).run(script, keys: keys, arguments)
    }

    /// The same, for a single call: a connection that was lost before it is replaced.
    func runAlone(
        _ script: Script, of partition: PartitionID, keys: [String], _ arguments: [Argument]
    ) throws(BackendError) -> Reply {
        let node = try control(of: partition)
        node.dropIfClosed()
        return try node.run(script, keys: keys, arguments)
    }

    /// Items by the node of their partitions; those of partitions without a node are left out.
    func byNode<Item>(
        _ items: [Item], _ partition: (Item) -> PartitionID
    ) -> [(node: NodeControl, items: [Item])] {
        var groups: [(node: NodeControl, items: [Item])] = []
        for item in items {
            guard let node = try? control(of: partition(item)) else { continue }
            if let index = groups.firstIndex(where: { $0.node === node }) {
                groups[index].items.append(item)
            } else {
                groups.append((node, [item]))
            }
        }
        return groups
    }
}

extension BackendError {
    /// The same error, which names the node that has failed.
    fileprivate func naming(_ node: String) -> BackendError {
        guard case .redis(let fault) = self else { return self }
        return switch fault {
        case .unavailable(let text): .redis(.unavailable("\(node): \(text)"))
        case .refused(let text): .redis(.refused("\(node): \(text)"))
        case .missingRights(let text): .redis(.missingRights("\(text), at \(node)"))
        case .unsafeSettings(let text): .redis(.unsafeSettings("\(node): \(text)"))
        case .unexpectedReply(let text): .redis(.unexpectedReply("\(node): \(text)"))
        }
    }
}
