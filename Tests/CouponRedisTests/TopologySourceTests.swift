/// The topology is read from real servers, seldom, and never goes back.
import CouponCore
import Logging
import Synchronization
import TestSupport
import Testing

@testable import CouponRedis

@Suite struct TopologySourceTests {
    /// A cluster of one node, with a config epoch.
    private func node(epoch: Int) async throws -> RedisServer {
        let server = try await RedisServer(
            ["--cluster-enabled", "yes", "--cluster-port", String(try freePort())])
        try await server.cli("CLUSTER", "SET-CONFIG-EPOCH", String(epoch))
        try await server.cli("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        return server
    }

    private func source(_ servers: [RedisServer], password: String? = nil) throws -> TopologySource
    {
        var options = RedisOptions(address: .unix(path: ""))
        if let certificates = servers.first?.certificates {
            let tls = try RedisTLS(certificates)
            options.credentials = { RedisCredentials(tls: tls) }
        }
        let addresses = servers.map { RedisAddress.tcp(host: $0.host, port: $0.port) }
        return TopologySource(
            .cluster(addresses), options: options, logger: Logger(label: "test"))
    }

    @Test func `one node serves every partition in the term of its config epoch`() async throws {
        let server = try await node(epoch: 3)
        let source = try source([server])
        #expect(source.current == nil)
        let topology = try source.read()
        #expect(topology.epoch == 3 && topology.nodes.map(\.term) == [3])
        #expect(topology.nodes.map(\.id.name) == [try await server.cli("CLUSTER", "MYID")])
        #expect(topology.node(of: PartitionID(1_023)) == topology.nodes[0])
        #expect(source.current == topology)
    }

    @Test func `a node with an older epoch is not believed`() async throws {
        let (old, new) = (try await node(epoch: 5), try await node(epoch: 9))
        let source = try source([old, new])
        try await eventually("the newer one was asked") { try source.read().epoch == 9 }
        let topology = source.current
        try await new.kill()
        let error = try #require(throws: BackendError.self) { try source.read() }
        #expect("\(error)".contains("has an old view, of epoch 5"), "\(error)")
        #expect(source.current == topology && source.failure != nil)
        try await new.restart()
        try await eventually("it is asked again") { try source.read() == topology }
        #expect(source.failure == nil)
    }

    @Test func `many signs of a change make few readings`() async throws {
        let server = try await node(epoch: 1)
        let source = try source([server])
        _ = try source.read()
        let (before, start) = (try await readings(of: server), ContinuousClock.now)
        await withTaskGroup { group in
            for _ in 1...4 {
                group.addTask {
                    for _ in 1...200 { source.refresh() }
                }
            }
        }
        try await eventually("it was read") { try await readings(of: server) > before }
        let most = Int(start.duration(to: .now) / .milliseconds(50)) + 2
        #expect(try await readings(of: server) - before <= most)
    }

    private func readings(of server: RedisServer) async throws -> Int {
        let stats = try await server.cli("INFO", "commandstats")
        return stats.firstMatch(of: /cmdstat_cluster\|nodes:calls=(\d+)/)
            .flatMap { Int($0.1) } ?? 0
    }

    @Test func `observers learn of changes until they are released`() async throws {
        let server = try await node(epoch: 1)
        let source = try source([server])
        let count = Mutex(0)
        var observation: TopologyObservation? = source.observe { count.withLock { $0 += 1 } }
        _ = try source.read()
        _ = try source.read()
        #expect(count.withLock { $0 } == 1)
        try await server.cli("CLUSTER", "DELSLOTS", "0")
        _ = try source.read()
        let now = count.withLock { $0 }
        _ = observation
        observation = nil
        try await server.cli("CLUSTER", "BUMPEPOCH")
        _ = try source.read()
        #expect(count.withLock { $0 } == now)
    }

    @Test
    func `after a failover in a cluster one partition in three is elsewhere, in a higher term`()
        async throws
    {
        let cluster = try await RedisCluster()
        let source = try source(Array(cluster.nodes.prefix(1)))
        let (before, all) = (try source.read(), Partitioning(count: 64).all)
        #expect(before.nodes.count == 3)
        let id = RedisNode.ID(try await cluster.id(of: cluster.nodes[0]))
        let replica = cluster.nodes[3]
        try await replica.cli("CLUSTER", "FAILOVER")
        try await eventually("every node knows") { try source.read().node(id) == nil }
        let after = try source.read()
        let new = RedisNode.ID(try await cluster.id(of: replica))
        let node = try #require(after.node(new))
        #expect(node.address == .tcp(host: replica.host, port: replica.port))
        #expect(node.term > before.nodes.map(\.term).max() ?? 0)
        for partition in all {
            let (old, now) = (before.node(of: partition), after.node(of: partition))
            #expect(old?.id == id ? now?.id == new : now == old)
        }
        try await cluster.waitUntilWhole()
        let slot = HashSlot(of: PartitionID(0))
        let master = try await cluster.master(ofSlot: slot.rawValue)
        #expect(
            after.node(of: PartitionID(0))?.address
                == master.map { .tcp(host: $0.host, port: $0.port) })
    }

    /// Sentinels that know nothing of one another.
    @Test func `a sentinel that has missed failovers is not believed`() async throws {
        let (old, new) = (Int(try freePort()), Int(try freePort()))
        let stale = try LoneSentinel(masterPort: old, configEpoch: 0)
        let others = try [7, 6].map { try LoneSentinel(masterPort: new, configEpoch: $0) }
        let source = TopologySource(
            .sentinel(name: LoneSentinel.name, at: ([stale] + others).map(\.address)),
            options: RedisOptions(address: .unix(path: "")), logger: Logger(label: "test"))
        try await eventually("the sentinels answer") { (try? source.read()) != nil }
        let topology = try source.read()
        #expect(
            topology.epoch >= 6 && topology.nodes[0].address == .tcp(host: "127.0.0.1", port: new))
        for sentinel in others { try await sentinel.process.terminate() }
        let error = try #require(throws: BackendError.self) { try source.read() }
        let sentence = "1 of the sentinels answered, and a majority is 2"
        #expect("\(error)".contains(sentence), "\(error)")
        #expect(try source.node(nil) == topology.nodes[0])
    }

    @Test func `a Redis outside of a cluster is named as the mistake`() async throws {
        let server = try await RedisServer()
        let source = try source([server])
        let error = try #require(throws: BackendError.self) { try source.read() }
        #expect("\(error)".contains("127.0.0.1:\(server.port) is not a node"), "\(error)")
    }
}

/// A sentinel that watches a master which is not there, and that knows no other sentinel.
private struct LoneSentinel {
    static let name = "sale"

    let process: ServerProcess
    let address: RedisAddress
    private let folder: TemporaryFolder

    init(masterPort: Int, configEpoch: Int) throws {
        folder = try TemporaryFolder()
        let port = try freePort()
        address = .tcp(host: "127.0.0.1", port: Int(port))
        let file = try folder.write(
            """
            port \(port)
            bind 127.0.0.1
            dir \(folder.path)
            sentinel monitor \(Self.name) 127.0.0.1 \(masterPort) 2
            sentinel config-epoch \(Self.name) \(configEpoch)
            """, to: "sentinel.conf")
        process = try ServerProcess(
            "redis-server", arguments: [file, "--sentinel"], in: folder.path)
    }
}
