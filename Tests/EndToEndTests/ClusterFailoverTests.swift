/// Redis as a cluster of three masters with a replica each: coupons lie on all of them, and the loss of one
/// master is felt by its own coupons only.
import CouponClient
import CouponCore
import TestSupport
import TestWorld
import Testing

/// A cluster with two daemons, and a coupon in each partition.
private struct Scene {
    let world: World
    let cluster: RedisCluster
    let one: Daemon
    let other: Daemon
    let coupons: [CouponID]
    let metricsPort: Int

    /// - Parameter nodeTimeout: in milliseconds: a master that is silent for so long is replaced.
    init(nodeTimeout: Int = 4_000) async throws {
        world = try await World()
        cluster = try await RedisCluster(masters: 3, nodeTimeout: nodeTimeout)
        let redis = "cluster:" + cluster.seeds.joined(separator: ",")
        metricsPort = Int(try freePort())
        one = try Daemon(
            world, ["--metrics-listen", "127.0.0.1:\(metricsPort)"], redis: redis)
        other = try Daemon(world, redis: redis)
        try await one.ready()
        try await other.ready()
        var coupons: [CouponID] = []
        for partition in 0..<16 as Range<Int64> {
            coupons.append(try await one.client.create(.offer(1_600 + partition, total: 100)).id)
        }
        self.coupons = coupons
    }

    /// The coupons whose partitions the first master serves at the start.
    var ofFirstMaster: Set<CouponID> {
        let partitioning = Partitioning(count: 16)
        return Set(
            coupons.filter {
                HashSlot(of: partitioning.partition(of: $0)).rawValue < HashSlot.count / 3
            })
    }

    func epochs() throws -> [Int] {
        try world.sql("SELECT epoch FROM coupond.partition ORDER BY id")
            .split(separator: "\n").compactMap { Int($0) }
    }
}

@Suite(.machine(.killing), .timeLimit(.minutes(5))) struct ClusterFailoverTests {
    @Test func `a master is killed: other coupons go on, its own come back on its replica`()
        async throws
    {
        let scene = try await Scene()
        for coupon in scene.coupons { #expect(try await scene.one.win(coupon, 1) == 1) }
        for coupon in scene.coupons { #expect(try await scene.other.win(coupon, 2) == 2) }
        for master in scene.cluster.nodes[..<3] {
            #expect(try await master.cli("DBSIZE") != "0", "each master has coupons")
        }
        let (before, lost) = (try scene.epochs(), scene.ofFirstMaster)
        #expect(!lost.isEmpty && lost.count < 16)

        try await scene.cluster.nodes[0].kill()
        try await eventually("the daemon is ready for the others, and says so") {
            let page = try httpGet("/readyz", port: scene.metricsPort)
            return page.hasPrefix("HTTP/1.1 200") && page.contains("degraded: ")
        }
        for coupon in scene.coupons where !lost.contains(coupon) {
            #expect(try await scene.one.win(coupon, 3) == 3)
            #expect(try await scene.other.ask(coupon, 4, waitFor: .issued).isIssued)
        }
        for coupon in lost {
            try await scene.one.winSoon(coupon, 3)
            try await scene.other.winSoon(coupon, 4)
        }
        let after = try scene.epochs()
        let partitioning = Partitioning(count: 16)
        for coupon in scene.coupons {
            let partition = partitioning.partition(of: coupon).rawValue
            if lost.contains(coupon) {
                #expect(after[partition] > before[partition], "a new epoch at the new master")
            } else {
                #expect(after[partition] == before[partition], "it was not rebuilt")
            }
        }
        // Nothing that was issued is forgotten, and the accounts add up.
        for coupon in scene.coupons {
            for user in 1...4 as ClosedRange<Int64> {
                #expect(try await scene.one.holds(coupon, user))
            }
            let again = try await scene.other.ask(coupon, 1)
            guard case .duplicate(1, _) = again else {
                throw Unexpected(what: "user 1 got \(again)")
            }
            let audit = try await scene.one.client.audit(coupon)
            #expect(audit.judge.checks.filter { !$0.holds } == [])
            #expect(audit.accounts.coupon.issued == 4)
        }
        try await eventually("both daemons are ready for every partition") {
            let one = try await scene.one.client.health()
            let other = try await scene.other.client.health()
            return one == nil && other == nil
        }
        #expect(try await scene.one.stop() == .code(0))
        #expect(try await scene.other.stop() == .code(0))
    }

    @Test func `a master that hangs holds up its own coupons only`() async throws {
        // The timeout is so long that no replica takes the place of the master that hangs.
        let scene = try await Scene(nodeTimeout: 120_000)
        for coupon in scene.coupons { #expect(try await scene.one.win(coupon, 1) == 1) }
        let (before, hung) = (try scene.epochs(), scene.ofFirstMaster)
        #expect(!hung.isEmpty && hung.count < 16)
        scene.cluster.nodes[0].freeze()
        defer { scene.cluster.nodes[0].thaw() }
        try await eventually("the daemon is ready for the others, and says so") {
            let page = try httpGet("/readyz", port: scene.metricsPort)
            return page.hasPrefix("HTTP/1.1 200") && page.contains("degraded: ")
        }
        for user in 2...7 as ClosedRange<Int64> {
            let daemon = user % 2 == 0 ? scene.one : scene.other
            try await withThrowingTaskGroup(of: Outcome.self) { group in
                for coupon in scene.coupons where !hung.contains(coupon) {
                    group.addTask { try await daemon.ask(coupon, user, waitFor: .issued) }
                }
                for try await outcome in group { #expect(outcome.isIssued) }
            }
        }
        scene.cluster.nodes[0].thaw()
        for coupon in hung { try await scene.one.winSoon(coupon, 2) }
        #expect(try scene.epochs() == before, "nothing was rebuilt")
        #expect(try await scene.one.stop() == .code(0))
        #expect(try await scene.other.stop() == .code(0))
    }
}

extension Outcome {
    fileprivate var isIssued: Bool { if case .issued = self { true } else { false } }
}
