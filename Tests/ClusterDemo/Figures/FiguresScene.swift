/// A daemon, and Redis as one server or as a cluster.
internal import CouponClient
internal import CouponCore
internal import Foundation
internal import HistoryChecker
internal import NIOCore
internal import Synchronization
internal import TestSupport
internal import TestWorld

/// A system to measure.
final class FiguresScene: Sendable {
    private let world: World
    private let daemon: Daemon
    /// The replica of a single Redis: with it the single one replicates as each master of a cluster does.
    private let replica: RedisServer?
    /// The number of the last coupon.
    private let coupons = Mutex<Int64>(0)

    private init(_ world: World, replica: RedisServer?) async throws {
        self.world = world
        self.replica = replica
        // Without debug lines, which cost more than a request.
        daemon = try Daemon(world, ["--log-level", "warning"])
        try await daemon.ready()
    }

    /// One Redis with a replica.
    static func single() async throws -> FiguresScene {
        let world = try await World(postgres: PostgresServer())
        let origin = ["--replicaof", "\(world.redis.host) \(world.redis.port)"]
        return try await FiguresScene(world, replica: RedisServer(origin))
    }

    /// Three masters with a replica each.
    static func cluster() async throws -> FiguresScene {
        let cluster = try await RedisCluster()
        return try await FiguresScene(
            World(postgres: PostgresServer(), cluster: cluster), replica: nil)
    }

    // MARK: Processor time

    /// What daemon and masters spend on a request, in microseconds.
    func processorMicroseconds(requests: Int, seconds: Int) async throws -> Double {
        let masters = try await world.cluster?.shards().map(\.master) ?? [world.redis]
        let pids = [daemon.process.pid] + masters.map(\.pid)
        // The first requests load the coupons.
        let some = try await offers(48)
        try await sell(some, requests: requests / 10, seconds: 1, firstUser: 1)
        let before = try pids.map(processorTicks).reduce(0, +)
        try await sell(some, requests: requests, seconds: seconds, firstUser: 1_000_000)
        let ticks = try pids.map(processorTicks).reduce(0, +) - before
        return Double(ticks) / Double(sysconf(Int32(_SC_CLK_TCK))) * 1_000_000 / Double(requests)
    }

    private func processorTicks(_ pid: Int32) throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
        // The name, in parentheses, may contain spaces. User time and system time are fields 14 and 15.
        let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 12, let user = Int(fields[11]), let system = Int(fields[12]) else {
            throw Unexpected(what: "/proc/\(pid)/stat: \(text)")
        }
        return user + system
    }

    /// Coupons without a total, for which no request was made.
    private func offers(_ count: Int, where isWanted: (CouponID) -> Bool = { _ in true })
        async throws -> [CouponID]
    {
        var offers: [CouponID] = []
        while offers.count < count {
            let id = coupons.withLock { number in
                number += 1
                return number
            }
            guard isWanted(CouponID(id)) else { continue }
            offers.append(try await daemon.client.create(.offer(id, total: nil)).id)
        }
        return offers
    }

    /// Spreads requests of different users evenly over coupons and time, and waits until all are issued.
    private func sell(
        _ coupons: [CouponID], requests: Int, seconds: Int, firstUser: Int64
    ) async throws {
        guard requests > 0 else { return }
        let wishes = (0..<requests).map {
            Traffic.Wish(coupons[$0 % coupons.count], UserID(firstUser + Int64($0)))
        }
        let traffic = Traffic(world, offers: [:], wishes: wishes)
        traffic.add(ServerAddress(host: "127.0.0.1", port: daemon.port))
        await traffic.run(callers: 5_000, spread: .seconds(seconds))
        guard traffic.accepted == requests else {
            throw Unexpected(what: "\(traffic.accepted) of \(requests) requests were accepted")
        }
        // A look at the gates would cost Redis time.
        let ids = coupons.map { "\($0.rawValue)" }.joined(separator: ", ")
        let count = """
            SELECT count(*) FROM coupond.coupon_issue
            WHERE coupon_id IN (\(ids)) AND user_id >= \(firstUser)
            """
        try await eventually("all are issued") { try world.sql(count) == "\(requests)" }
    }

    // MARK: Work of one node

    /// What one node did.
    struct Work {
        /// Calls of scripts.
        let calls: Double
        /// Transactions that issued its coupons.
        let commits: Double
        /// Growth of its log. It is synced whenever it grows, and at no other time.
        let logBytes: Double
    }

    /// What the first node does for its own requests, while the other nodes get others.
    func work(ofFirst requests: Int, others: Int, seconds: Int) async throws -> Work {
        guard let first = try await world.cluster?.shards()[0] else {
            throw Unexpected(what: "a single Redis has no other nodes")
        }
        let own = try await offers(8) { first.serves(World.slot(of: $0)) }
        let foreign = try await offers(16) { !first.serves(World.slot(of: $0)) }
        let before = try await counters(of: first.master)
        async let elsewhere: Void = sell(
            foreign, requests: others, seconds: seconds, firstUser: 1_000_000)
        try await sell(own, requests: requests, seconds: seconds, firstUser: 1)
        try await elsewhere
        let after = try await counters(of: first.master)
        let ids = own.map { "\($0.rawValue)" }.joined(separator: ", ")
        let commits = try world.sql(
            "SELECT count(DISTINCT xmin::text) FROM coupond.coupon_issue"
                + " WHERE coupon_id IN (\(ids))")
        return Work(
            calls: after.calls - before.calls, commits: Double(commits) ?? 0,
            logBytes: after.logBytes - before.logBytes)
    }

    private func counters(of node: RedisServer) async throws -> (calls: Double, logBytes: Double) {
        let info = try await node.cli("INFO", "everything")
        guard let calls = info.firstMatch(of: /cmdstat_evalsha:calls=(\d+)/)?.output.1,
            let bytes = info.firstMatch(of: /aof_current_size:(\d+)/)?.output.1
        else { throw Unexpected(what: "INFO of \(node.host) has no counters") }
        return (Double(calls) ?? 0, Double(bytes) ?? 0)
    }

    // MARK: Failover

    /// Kills a master: milliseconds until a plain client can write to its hash slots again, and until the
    /// last of its partitions accepts again.
    func failOver() async throws -> (plain: Double, last: Double) {
        guard let shard = try await world.cluster?.shards()[0] else {
            throw Unexpected(what: "a single Redis has no replica to fail over to")
        }
        var partitions: Set<Int> = []
        let some = try await offers(16) { shard.serves(World.slot(of: $0)) }
            .filter { partitions.insert(World.slot(of: $0)).inserted }
        for coupon in some { try await winSoon(coupon, UserID(1)) }
        let key = "plain{\(try partition(of: some[0]))}"
        try await shard.master.kill()
        let beginning = ContinuousClock.now
        async let plain = plainClient(writes: key, to: shard.replica, since: beginning)
        let last = try await withThrowingTaskGroup(of: Double.self) { group in
            for coupon in some {
                group.addTask { [daemon] in
                    try await Self.win(coupon, UserID(2), daemon)
                    return milliseconds(since: beginning)
                }
            }
            return try await group.reduce(0, max)
        }
        let written = try await plain
        try await shard.master.restart()
        try await world.cluster?.waitUntilWhole()
        return (written, last)
    }

    private func partition(of coupon: CouponID) throws -> Int {
        Partitioning(count: 16).partition(of: coupon).rawValue
    }

    private func winSoon(_ coupon: CouponID, _ user: UserID) async throws {
        try await Self.win(coupon, user, daemon)
    }

    private static func win(_ coupon: CouponID, _ user: UserID, _ daemon: Daemon) async throws {
        let id = RequestID.random()
        try await eventually("coupon \(coupon.rawValue) accepts", within: .seconds(60)) {
            let request = IssueRequest(
                coupon: coupon, user: user, requestID: id, waitFor: .accepted)
            _ = try await daemon.client.issue(request, deadline: .seconds(2))
            return true
        }
    }
}

/// Writes until it succeeds.
private func plainClient(
    writes key: String, to node: RedisServer, since beginning: ContinuousClock.Instant
) async throws -> Double {
    try await eventually("\(node.host) takes a write", within: .seconds(60)) {
        try await node.cli("SET", key, "1") == "OK"
    }
    return milliseconds(since: beginning)
}

private func milliseconds(since beginning: ContinuousClock.Instant) -> Double {
    let (seconds, attoseconds) = (ContinuousClock.now - beginning).components
    return Double(seconds) * 1_000 + Double(attoseconds) / 1e15
}
