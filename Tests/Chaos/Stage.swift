/// The servers and daemons of a round, and the proxies between them.
internal import CouponClient
internal import CouponCore
internal import HistoryChecker
internal import Synchronization
internal import TestSupport
internal import TestWorld

/// A daemon with its proxies. The process may change; the addresses stay.
final class DaemonHost: Sendable {
    let number: Int
    let address: ServerAddress
    private let world: World
    private let proxies: [Link: Proxy]
    /// One for each node of the cluster, in its order.
    private let nodeProxies: [Proxy]
    private let redis: [String]
    private let sockets: (redis: String, postgres: String)
    private let process = Mutex<Daemon?>(nil)

    /// - Parameter waits: whether answers wait for a replica.
    init(_ number: Int, _ world: World, waits: Bool) async throws {
        self.number = number
        self.world = world
        let folder = try world.folder.makeFolder("proxies-\(number)")
        sockets = (folder + "/redis.sock", folder)
        let proxies = Dictionary(uniqueKeysWithValues: Link.allCases.map { ($0, Proxy()) })
        self.proxies = proxies
        proxies[.redis]?.target = .path(world.redis.socket)
        proxies[.postgres]?.target = .path(world.postgres.socket)
        try await proxies[.redis]?.listen(at: .path(sockets.redis))
        try await proxies[.postgres]?.listen(at: .path(folder + "/.s.PGSQL.5432"))
        let port = try await proxies[.client]?.listen(at: .port(0)) ?? 0
        address = ServerAddress(host: "127.0.0.1", port: port)
        var (nodeProxies, places): ([Proxy], [(node: String, proxy: String)]) = ([], [])
        for node in world.cluster?.nodes ?? [] {
            let proxy = Proxy()
            proxy.target = .path(node.socket)
            let port = try await proxy.listen(at: .port(0))
            nodeProxies.append(proxy)
            places.append(("\(node.host):\(node.port)", "127.0.0.1:\(port)"))
        }
        self.nodeProxies = nodeProxies
        let map = places.map { "\($0.node)=\($0.proxy)" }.joined(separator: ",")
        // No proxy: sentinels name the servers' own addresses. All replicas are waited for, because any of
        // them may be promoted.
        let single =
            world.sentinels.map { sentinels in
                [sentinels.setting]
                    + (waits
                        ? ["--redis-wait-replicas", "\(sentinels.servers.count - 1)"] : [])
            } ?? ["unix:\(sockets.redis)"]
        redis =
            places.isEmpty
            ? single
            : ["cluster:" + places.map(\.proxy).joined(separator: ","), "--redis-address-map", map]
                + (waits ? ["--redis-wait-replicas", "1"] : [])
    }

    /// The running process; nil while there is none.
    var daemon: Daemon? { process.withLock { $0 } }

    func proxy(_ link: Link) -> Proxy? { proxies[link] }

    /// The proxy to a node of the cluster.
    func proxy(to node: RedisServer) -> Proxy? {
        world.cluster?.nodes.firstIndex { $0 === node }.map { nodeProxies[$0] }
    }

    /// Starts a daemon. It may not be ready yet.
    func start(failpoint: Failpoint? = nil) throws {
        let database = world.daemonDatabase.split(separator: " ").filter { !$0.hasPrefix("host=") }
        let daemon = try Daemon(
            world, Array(redis.dropFirst()), failpoint, redis: redis.first,
            postgres: (["host=\(sockets.postgres)"] + database).joined(separator: " "))
        process.withLock { $0 = daemon }
        proxies[.client]?.target = .port(daemon.port)
    }

    /// Kills the process.
    func kill() async throws {
        proxies[.client]?.target = nil
        try await daemon?.kill()
        process.withLock { $0 = nil }
    }

    func close() async {
        for proxy in proxies.values + nodeProxies { await proxy.close() }
    }
}

/// One round's world and its traffic.
final class Stage: Sendable {
    let world: World
    let hosts: [DaemonHost]
    let traffic: Traffic
    /// Whether answers wait for a replica.
    let waits: Bool
    /// The network between the nodes of the cluster, if a master is to be cut off.
    let network: BridgedNetwork?

    init(_ schedule: Schedule, postgres: PostgresServer) async throws {
        let waits = (schedule.cluster ?? schedule.sentinels)?.waits ?? false
        self.waits = waits
        let isolates = schedule.strikes.contains { $0.fault == .cluster(.masterIsolated) }
        let network = isolates ? try await BridgedNetwork(6) : nil
        self.network = network
        world = try await World(
            postgres: postgres,
            cluster: schedule.cluster == nil ? nil : RedisCluster(places: network?.places),
            sentinels: schedule.sentinels == nil ? nil : RedisSentinels())
        var hosts: [DaemonHost] = []
        for number in 0..<schedule.daemons {
            hosts.append(try await DaemonHost(number, world, waits: waits))
        }
        self.hosts = hosts
        var behaviour = Traffic.Behaviour()
        behaviour.deadlines = [300, 2_000, 10_000]
        behaviour.asksAgain = true
        behaviour.asksStatus = true
        traffic = Traffic(
            world, offers: schedule.offers, wishes: schedule.wishes, behaviour: behaviour)
        for host in hosts { try host.start() }
        try await ready()
        for (coupon, total) in schedule.offers {
            try await retrying {
                try await hosts[0].daemon?.client.create(.offer(coupon.rawValue, total: total))
            }
        }
        for host in hosts { traffic.add(host.address, as: host.number) }
    }

    /// Waits until every daemon accepts.
    func ready() async throws {
        for host in hosts { try await host.daemon?.ready() }
    }

    /// Ends daemons and proxies, and drops the database.
    func close() async throws {
        for host in hosts {
            try await host.kill()
            await host.close()
        }
        try world.postgres.dropDatabase(world.database)
    }

    /// Records that this daemon's responses may be late while `body` runs and for `afterwards` milliseconds
    /// longer: requests that waited in its socket are answered late.
    func disturbing(
        _ host: DaemonHost, afterwards: Int64 = 1_000, _ body: () async throws -> Void
    ) async throws {
        let from = traffic.recorder.now
        defer {
            let to = traffic.recorder.now.advanced(byMilliseconds: afterwards)
            traffic.recorder.record {
                $0.disturbances[host.number, default: []].append(Interval(from: from, to: to))
            }
        }
        try await body()
    }
}
