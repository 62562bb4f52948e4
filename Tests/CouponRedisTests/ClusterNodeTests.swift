/// A cluster of three masters with a replica each: what happens at one node is felt by its partitions only.
internal import CouponCore
internal import Logging
internal import TestSupport
internal import Testing

@testable internal import CouponRedis

/// A cluster, and a control that follows it.
private final class Nodes {
    let cluster: RedisCluster
    let options: RedisOptions
    let topology: TopologySource
    let control: RedisGateControl
    let partitioning = Partitioning(count: 16)

    init() async throws {
        cluster = try await RedisCluster(masters: 3)
        let seeds = cluster.nodes.map { RedisAddress.tcp(host: $0.host, port: $0.port) }
        let plain = RedisOptions(address: seeds[0])
        let logger = Logger(label: "test")
        topology = TopologySource(.cluster(seeds), options: plain, logger: logger)
        options = plain.at(nil, of: topology)
        control = RedisGateControl(options: options, logger: logger)
        try topology.read()
        topology.start()
    }

    /// Opens a gate for each partition, at its node.
    func open(epoch: Epoch = 1) throws -> [PartitionRow] {
        try partitioning.all.map { partition in try open(partition, epoch: epoch) }
    }

    func open(_ partition: PartitionID, epoch: Epoch) throws -> PartitionRow {
        let state = try control.state(of: control.node(of: partition))
        let row = PartitionRow(
            id: partition, epoch: epoch, cursor: .zero, identity: state.identity,
            redisTerm: state.term, installID: "install")
        #expect(try control.fence(row))
        #expect(try control.open(row, counted: .zero))
        return row
    }

    /// The partitions that the first master serves at the start.
    func ofFirstMaster() async throws -> Set<PartitionID> {
        let id = RedisNode.ID(try await cluster.id(of: cluster.nodes[0]))
        return Set(topology.current?.partitions(of: id, partitioning) ?? [])
    }
}

@Suite(.timeLimit(.minutes(10))) struct ClusterNodeTests {
    @Test func `each partition has its gate at its node, and a killed node fails alone`()
        async throws
    {
        let nodes = try await Nodes()
        let rows = try nodes.open()
        let lost = try await nodes.ofFirstMaster()
        #expect(!lost.isEmpty && lost.count < 16)
        for master in nodes.cluster.nodes[..<3] {
            #expect(try await master.cli("DBSIZE") != "0")
        }
        for result in nodes.control.heartbeat(rows) { #expect(try result.get() != nil) }
        let before = try nodes.control.state(of: nodes.control.node(of: rows[0].id))
        #expect(before.term > 0)

        // Entries of other nodes are found while one is away.
        try await nodes.cluster.nodes[0].kill()
        for (row, result) in zip(rows, nodes.control.heartbeat(rows)) {
            #expect((try? result.get()) == nil || !lost.contains(row.id))
            if !lost.contains(row.id) { #expect(try result.get() != nil) }
        }
        let other = try #require(rows.map(\.id).first { !lost.contains($0) })
        let queues = rows.map { (partition: $0.id, after: Position.zero) }
        #expect(try nodes.control.wait(for: queues, milliseconds: 1).isEmpty)
        try nodes.control.perform(other) { connection throws(BackendError) in
            _ = try connection.call(Command("XADD", Keys.queue(other), "1-1", "e", "x"))
        }
        #expect(try nodes.control.wait(for: queues, milliseconds: 60_000) == [other])

        // The promoted replica has another identity and a higher term, and gets a new epoch.
        let partition = try #require(lost.sorted().first)
        try await eventually("another node serves the partition", within: .seconds(30)) {
            let state = try nodes.control.state(of: nodes.control.node(of: partition))
            return state.identity != rows[partition.rawValue].identity
                && state.term > rows[partition.rawValue].redisTerm
        }
        let row = try nodes.open(partition, epoch: 2)
        #expect(try nodes.control.heartbeatViews([row]) != [nil])
    }

    @Test func `events of each node come, and a failover breaks its subscriptions only`()
        async throws
    {
        let nodes = try await Nodes()
        let source = ClusterEventSource(
            options: nodes.options, partitioning: nodes.partitioning,
            logger: Logger(label: "test"))
        var up: Set<PartitionID> = []
        var down: Set<PartitionID> = []
        var epochs: [PartitionID: Epoch] = [:]
        func next() {
            switch source.next() {
            case .partitionUp(let partition): up.insert(partition)
            case .partitionDown(let partition, _):
                up.remove(partition)
                down.insert(partition)
            case .event(let event): epochs[event.partition] = event.epoch
            case .up, .down, nil: break
            }
        }
        try await eventually("all subscriptions are active") {
            next()
            return up.count == 16
        }
        down = []
        _ = try nodes.open()
        try await eventually("an event of each partition") {
            next()
            return epochs.count == 16
        }
        let lost = try await nodes.ofFirstMaster()
        // A planned failover: the old master stays, as a replica, and gives its subscribers notice.
        #expect(try await nodes.cluster.nodes[3].cli("CLUSTER", "FAILOVER") == "OK")
        try await eventually("all subscriptions are active again", within: .seconds(30)) {
            next()
            return down == lost && up.count == 16
        }
        let partition = try #require(lost.sorted().first)
        // A replica accepts subscriptions too, so a subscription moves once more when the map names the new
        // master. What is published in between is lost, so each try opens the gate in another epoch.
        var epoch: Epoch = 1
        try await eventually("its event comes from the new master") {
            next()
            guard up.count == 16 else { return false }
            epoch += 1
            _ = try nodes.open(partition, epoch: epoch)
            next()
            return epochs[partition].map { $0 > 1 } == true
        }
        #expect(down == lost, "no other subscription was broken")
    }

    @Test func `a node that refuses one slot does not count as one that refuses calls`()
        async throws
    {
        let nodes = try await Nodes()
        let topology = try #require(nodes.topology.current)
        let other = try #require(topology.nodes.first { $0.id != topology.node(of: partition)?.id })
        let way = try await Way(nodes.options.of(other.id))
        _ = try await way.ready()
        try await way.send([])
        let trouble = try await way.answers(1)[0].trouble
        #expect(trouble?.contains("MOVED") == true)
        try await eventually("the gate can be used") { try await way.trouble() == nil }
        try await way.close()
    }

    @Test func `a partition that a node has given up costs others no subscription`() async throws {
        let nodes = try await Nodes()
        let (first, second) = (nodes.cluster.nodes[0], nodes.cluster.nodes[1])
        let mine = try await nodes.ofFirstMaster().sorted()
        let others = nodes.partitioning.all.filter { !mine.contains($0) }
        let id = RedisNode.ID(try await nodes.cluster.id(of: first))
        let subscription = NodeSubscription(nodes.options.of(id), Logger(label: "test"))
        var up: [PartitionID] = []
        func advance() {
            for signal in subscription.advance() + subscription.receive() {
                if case .partitionUp(let partition) = signal { up.append(partition) }
            }
        }
        subscription.expect(mine[0])
        try await eventually("a subscription") {
            advance()
            return up == [mine[0]]
        }
        try await nodes.cluster.steal(
            slot: HashSlot(of: mine[0]).rawValue, from: first, for: second)
        try await eventually("the node has lost the slot") {
            try await first.cli("GET", Keys.gate(mine[0])).contains("MOVED")
        }
        _ = subscription.drop(mine[0])
        for partition in others + mine.dropFirst() { subscription.expect(partition) }
        try await eventually("the subscriptions of the node") {
            advance()
            return Set(up) == Set(mine)
        }
        #expect(up.count == mine.count, "each once")
    }
}
