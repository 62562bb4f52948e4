/// The servers, the users, and the death of a master.
internal import CouponClient
internal import CouponCore
internal import HistoryChecker
internal import TestSupport
internal import TestWorld

/// A master and the coupons that are on it at the start.
struct MasterCoupons {
    /// Its address.
    let address: String
    /// Its coupons.
    let coupons: Set<CouponID>

    /// For people.
    var line: String {
        let ids = coupons.sorted().map { "\($0.rawValue)" }.joined(separator: " ")
        return "  \(address) has the coupons \(ids)"
    }
}

/// A sale of 20 coupons on three masters.
struct ClusterSale {
    /// The masters at the start.
    let coupons: [MasterCoupons]
    private let cluster: RedisCluster
    private let world: World
    private let daemons: [Daemon]
    private let traffic: Traffic
    private let waitReplicas: Int

    private static let couponCount: Int64 = 20
    /// How long the users come. A third of their requests sells everything out, which must take longer than a
    /// failover.
    private static let spread = Duration.seconds(24)

    /// Starts everything, and puts the coupons on offer.
    init(users: Int64, waitReplicas: Int) async throws {
        self.waitReplicas = waitReplicas
        let cluster = try await RedisCluster()
        self.cluster = cluster
        let world = try await World(postgres: PostgresServer(), cluster: cluster)
        self.world = world
        let options = ["--redis-wait-replicas", "\(waitReplicas)"]
        daemons = try (0..<2).map { _ in try Daemon(world, options) }
        for daemon in daemons { try await daemon.ready() }

        var (offers, wishes): ([CouponID: Int64?], [Traffic.Wish]) = ([:], [])
        for id in 1...Self.couponCount {
            let coupon = try await daemons[0].client.create(.offer(id, total: users / 3)).id
            offers[coupon] = .some(users / 3)
            // Each user asks twice, each time by another request id.
            for user in 1...users {
                wishes += (0..<2).map { _ in Traffic.Wish(coupon, UserID(user)) }
            }
        }
        traffic = Traffic(world, offers: offers, wishes: wishes.shuffled())
        for daemon in daemons {
            traffic.add(ServerAddress(host: "127.0.0.1", port: daemon.port))
        }
        coupons = try await cluster.shards().map { shard in
            MasterCoupons(
                address: "\(shard.master.host):\(shard.master.port)",
                coupons: Set(offers.keys.filter { shard.serves(World.slot(of: $0)) }))
        }
    }

    /// Why calls ended without an answer, and how often.
    var failures: [String] {
        Dictionary(grouping: traffic.failures) { "\($0)".prefix { $0 != ":" && !$0.isNumber } }
            .sorted { $0.key < $1.key }.map { "  \($0.value.count) times: \($0.key)" }
    }

    /// Runs the sale, kills a master in the middle of it, and waits until all is issued.
    func run() async throws -> (History, Tables) {
        say("\(traffic.wishes.count) requests for \(Self.couponCount) coupons begin")
        async let asking: Void = traffic.run(
            callers: 20_000, spread: Self.spread, timeout: .seconds(60))
        let stalls = Task { await traffic.recorder.recordStalls() }
        defer { stalls.cancel() }
        while acceptances(from: .zero, of: { _ in true }) < total / 3 {
            try await Task.sleep(for: .milliseconds(20))
        }
        try await killMaster()
        await asking
        for line in reopenings { say(line) }
        try await world.waitUntilQuiet(within: .seconds(60))
        let tables = try await world.tables()
        if tables.issues.count == total { return (traffic.history, tables) }
        // Slots that Redis lost are free again.
        say("users without a coupon ask again")
        await traffic.askAgain(tables)
        try await world.waitUntilQuiet(within: .seconds(60))
        return (traffic.history, try await world.tables())
    }

    /// When the coupons of the killed master accepted again, counted from its death.
    private var reopenings: [String] {
        guard let loss = traffic.history.losses.first else { return [] }
        var first: [CouponID: Int64] = [:]
        for call in traffic.history.calls where call.acceptedSequence != nil {
            guard loss.coupons?.contains(call.coupon) ?? false, call.sent > loss.at.from else {
                continue
            }
            let after = call.ended.milliseconds(since: loss.at.from)
            first[call.coupon] = min(first[call.coupon] ?? after, after)
        }
        guard let fastest = first.values.min(), let slowest = first.values.max() else { return [] }
        return ["its coupons accepted again after \(fastest) to \(slowest) ms"]
    }

    /// How many requests can be accepted.
    private var total: Int {
        Int(traffic.history.offers.values.reduce(0) { $0 + ($1 ?? 0) })
    }

    /// Kills a master, waits until its replica has taken over, and starts the killed one again.
    private func killMaster() async throws {
        let shard = try await cluster.shards()[0]
        let (name, beginning) = ("\(shard.master.host):\(shard.master.port)", traffic.recorder.now)
        let hit = Set(
            traffic.history.offers.keys.filter { shard.serves(World.slot(of: $0)) })
        let before = acceptances(from: .zero) { _ in true }
        try await shard.master.kill()
        say("killed \(name) when \(before) of \(total) requests were accepted")
        try await cluster.waitUntilMaster(shard.replica)
        let takenOver = traffic.recorder.now
        let (took, others) = (
            takenOver.milliseconds(since: beginning),
            acceptances(from: beginning, to: takenOver) { !hit.contains($0) }
        )
        say(
            "\(shard.replica.host):\(shard.replica.port) took over after \(took) ms;"
                + " in that time the other masters accepted \(others) requests")
        try await shard.master.restart()
        try await cluster.waitUntilWhole()
        say("\(name) is back, as a replica")
        // Acceptances that the replica did not have may be gone: answered ones only if answers did not wait
        // for it.
        let loss = Loss(
            of: .redis, at: Interval(from: beginning, to: traffic.recorder.now), coupons: hit,
            includesAnswered: waitReplicas == 0)
        traffic.recorder.record { $0.losses.append(loss) }
    }

    /// How many requests were accepted for some coupons, from one moment to another.
    private func acceptances(
        from: Timestamp, to: Timestamp? = nil, of isCounted: (CouponID) -> Bool
    ) -> Int {
        let calls = traffic.history.calls.filter {
            $0.acceptedSequence != nil && $0.sent >= from && $0.ended <= to ?? $0.ended
                && isCounted($0.coupon)
        }
        return Set(calls.map(\.requestID)).count
    }

    /// What `couponctl verify` finds, and whether it ends with 0.
    func verify() async throws -> (text: String, isGood: Bool) {
        let command = try ServerProcess(
            builtExecutable("couponctl"),
            arguments: ["verify", "--address", "127.0.0.1:\(daemons[0].port)"],
            in: world.folder.path)
        let end = try await command.waitForEnd(within: .seconds(60))
        return (command.logTail(lines: 40), end == .code(0))
    }
}
