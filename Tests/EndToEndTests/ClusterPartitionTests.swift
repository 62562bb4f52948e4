/// A machine with a master of a cluster and a daemon is cut off from all others by a real partition.
import CouponClient
import CouponCore
import NIOCore
import TestSupport
import TestWorld
import Testing

@Suite(
    .machine(.killing), .timeLimit(.minutes(4)),
    .enabled(if: BridgedNetwork.isPossible, "only root may make network namespaces"))
struct ClusterPartitionTests {
    private final class Scene: Sendable {
        let network: BridgedNetwork
        private let rules: TemporaryFolder
        let cluster: RedisCluster
        let world: World
        /// The daemon on this machine.
        let outside: Daemon
        /// The daemon beside the first master.
        let inside: Daemon
        let insideClient: CouponClient
        /// A coupon of each partition.
        let allCoupons: [CouponID]
        /// The coupons of the first master.
        var coupons: [CouponID] { allCoupons.filter { World.slot(of: $0) < HashSlot.count / 3 } }

        /// - Parameter reachesPostgres: whether the daemon beside the first master reaches PostgreSQL when it
        ///   is cut off.
        init(reachesPostgres: Bool = false) async throws {
            let network = try await BridgedNetwork(6)
            self.network = network
            cluster = try await RedisCluster(places: network.places)
            let rules = try TemporaryFolder()
            let hba = try rules.write(
                "local all all trust\nhost all all 10.0.0.0/8 trust\n", to: "pg_hba.conf")
            let postgres = try await PostgresServer([
                "listen_addresses=\(network.gateway)", "hba_file=\(hba)",
            ])
            self.rules = rules
            world = try await World(postgres: postgres)
            let name = world.database.split(separator: "=").last ?? ""
            let redis = "cluster:" + cluster.seeds.joined(separator: ",")
            let path = world.folder.file("inside.sock")
            outside = try Daemon(world, redis: redis)
            inside = try Daemon(
                world, ["--listen", "unix:\(path)"], redis: redis,
                // A socket is a file, which no network cuts off.
                postgres: reachesPostgres
                    ? nil : "host=\(network.gateway) user=\(LeastRights.role) dbname=\(name)",
                startedBy: network.starter(0))
            var configuration = ClientConfiguration()
            configuration.deadline = .seconds(3)
            let client = CouponClient(address: .unix(path: path), configuration: configuration)
            insideClient = client
            try await outside.ready()
            try await eventually("both daemons are ready") { try await client.health() == nil }
            allCoupons = (1_600..<1_616 as Range<Int64>).map { CouponID($0) }
            for id in allCoupons {
                _ = try await outside.client.create(.offer(id.rawValue, total: 500))
            }
        }

        /// How many partitions each daemon owns, that with the fewest first.
        func partitionsOwned() throws -> [Int] {
            try world.sql(
                """
                SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
                WHERE locktype = 'advisory' AND classid = \(0x636F_0001) AND granted
                    AND datname = current_database()
                GROUP BY application_name ORDER BY 1
                """
            ).split(separator: "\n").compactMap { Int($0) }
        }

        func askInside(_ coupon: CouponID, _ user: Int64) async throws -> Outcome {
            try await insideClient.issue(IssueRequest(coupon: coupon, user: UserID(user)))
        }
    }

    @Test func `a master that is cut off loses only what it accepted alone`() async throws {
        let scene = try await Scene()
        #expect(!scene.coupons.isEmpty)
        for coupon in scene.coupons {
            #expect(try await scene.outside.win(coupon, 1) == 1)
            _ = try await scene.askInside(coupon, 2)
        }
        try await eventually("all are issued") {
            try scene.world.issued == Int64(2 * scene.coupons.count)
        }
        let old = scene.cluster.nodes[0]
        try await scene.network.cut(0)
        // The daemon beside the master goes on asking it, until one of them has noticed the cut.
        let coupon = scene.coupons[0]
        async let alone = acceptedAlone(scene, coupon)
        for coupon in scene.coupons { try await scene.outside.winSoon(coupon, 3) }
        let lost = try await alone
        #expect(try await old.cli("ROLE").hasPrefix("master"))

        try await scene.network.join(0)
        try await scene.cluster.waitUntilWhole(within: .seconds(60))
        #expect(try await old.cli("ROLE").hasPrefix("slave"))
        try await eventually("the daemon beside it serves again", within: .seconds(60)) {
            switch try await scene.askInside(coupon, 4) {
            case .accepted, .duplicate: return true
            default: return false
            }
        }
        // Nothing that was answered after the failover is lost, and users whose acceptance was lost may ask
        // again.
        for user in lost { _ = try await scene.outside.ask(coupon, user, waitFor: .issued) }
        for user in lost { #expect(try await scene.outside.holds(coupon, user)) }
        for coupon in scene.coupons {
            for user in 1...3 { #expect(try await scene.outside.holds(coupon, Int64(user))) }
            try await eventually("the accounts add up") {
                let audit = try await scene.outside.client.audit(coupon)
                return audit.judge.isComparable && audit.judge.checks.allSatisfy(\.holds)
            }
        }
        #expect(try await scene.outside.stop() == .code(0))
        #expect(try await scene.inside.stop() == .code(0))
    }

    /// Rule 56.
    @Test func `a daemon that reaches PostgreSQL and no master gives its partitions up`()
        async throws
    {
        let scene = try await Scene(reachesPostgres: true)
        try await eventually("each daemon owns its share", within: .seconds(60)) {
            try scene.partitionsOwned() == [8, 8]
        }
        try await scene.network.cut(0)
        for coupon in scene.allCoupons {
            try await eventually("coupon \(coupon.rawValue) is issued", within: .seconds(60)) {
                guard case .issued? = try? await scene.outside.ask(coupon, 1, waitFor: .issued)
                else { return false }
                return true
            }
        }
        try await eventually("the other daemon owns all") { try scene.partitionsOwned() == [16] }
        try await scene.inside.process.logs("partitions are offered to the other daemons")
        try await scene.network.join(0)
        try await scene.cluster.waitUntilWhole(within: .seconds(60))
        try await eventually("each daemon owns its share again", within: .seconds(60)) {
            try scene.partitionsOwned() == [8, 8]
        }
        for coupon in scene.allCoupons { try await scene.outside.winSoon(coupon, 2) }
        #expect(try await scene.outside.stop() == .code(0))
        #expect(try await scene.inside.stop() == .code(0))
    }

    /// Users who were accepted through the daemon beside the master after it was cut off.
    private func acceptedAlone(_ scene: Scene, _ coupon: CouponID) async throws -> [Int64] {
        var accepted: [Int64] = []
        var user: Int64 = 100
        try await eventually("the daemon beside it refuses", within: .seconds(60)) {
            user += 1
            guard user < 400 else { return true }
            switch try? await scene.askInside(coupon, user) {
            case .accepted?: accepted.append(user)
            default: return true
            }
            return false
        }
        return accepted
    }
}
