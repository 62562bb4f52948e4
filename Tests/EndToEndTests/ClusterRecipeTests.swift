/// The commands of docs/CLUSTER.md, as they are written there.
import CouponClient
import CouponCore
import HistoryChecker
import TestSupport
import TestWorld
import Testing

extension FaultTests {
    @Suite(.machine(.killing), .serialized) struct ClusterRecipeTests {
        @Test func `a sale goes on while the page's commands fail over and replace a master`()
            async throws
        {
            let cluster = try await RedisCluster()
            let world = try await World(postgres: PostgresServer.shared(), cluster: cluster)
            let daemons = [try await world.daemon(), try await world.daemon()]
            let traffic = try await Traffic(world, through: daemons[0], total: 400)
            traffic.add(daemons[1])
            await traffic.run(first: 100)
            let coupon = try #require(traffic.history.offers.keys.first)
            let shard = try await cluster.shard(ofSlot: World.slot(of: coupon))

            let soon = traffic.accepted + 30
            async let first: Void = traffic.run(first: 150)
            try await traffic.reach(accepted: soon)
            try await run("failover", new: shard.replica)
            await first
            try await traffic.heal(through: daemons[0])
            try await cluster.waitUntilMaster(shard.replica)
            try await cluster.waitUntilWhole()

            let spare = try await cluster.spareNode(at: "127.0.0.40")
            let later = traffic.accepted + 30
            async let second: Void = traffic.run(first: 150)
            try await traffic.reach(accepted: later)
            try await run("replica", old: shard.replica, new: spare)
            try await run("failover", new: spare)
            try await run("forget", old: shard.replica, new: spare)
            await second
            await traffic.run()
            try await traffic.heal(through: daemons[0])
            await traffic.askAgain(try await world.tables())
            try await traffic.expectBalance(through: daemons[0])
            #expect(try await !partitions(of: spare, daemons[1]).isEmpty)
            for daemon in daemons { #expect(try await daemon.stop() == .code(0)) }
        }

        @Test func `the page's commands create a cluster in which a sale runs`() async throws {
            let cluster = try await RedisCluster(isJoined: false)
            try await run("create", ["NODES": cluster.unjoinedNodes.joined(separator: " ")])
            try await cluster.waitUntilWhole()
            let world = try await World(postgres: PostgresServer.shared(), cluster: cluster)
            let daemon = try await world.daemon()
            let traffic = try await Traffic(world, through: daemon, total: 100)
            await traffic.run(first: 100)
            try await traffic.heal(through: daemon)
            try await traffic.expectBalance(through: daemon)
            #expect(try await daemon.client.topology().nodes.count == 3)
            #expect(try await daemon.stop() == .code(0))
        }

        @Test func `a sale goes on while the page's commands add a master and remove it`()
            async throws
        {
            let cluster = try await RedisCluster()
            let world = try await World(postgres: PostgresServer.shared(), cluster: cluster)
            // On a master without a replica nothing would be accepted.
            let waiting = ["--redis-wait-replicas", "1"]
            let daemons = [try await world.daemon(waiting), try await world.daemon(waiting)]
            let traffic = try await traffic(world, through: daemons)
            let (old, seed) = (cluster.nodes[0], cluster.nodes[1])
            let master = try await cluster.spareNode(at: "127.0.0.40")
            let replica = try await cluster.spareNode(at: "127.0.0.41")
            let epochs = try epochs(world)
            // The sale lasts until it is stopped: users come one after the other.
            let sale = Task {
                while !Task.isCancelled { await traffic.run(first: 8, spread: .milliseconds(80)) }
            }
            defer { sale.cancel() }
            try await traffic.reach(accepted: 30)
            try await run(
                "join",
                [
                    "NEW": name(master), "SEED": name(seed),
                    "NODES": cluster.seeds.joined(separator: " "),
                ])
            try await run("replica", old: master, new: replica)
            let moved = Array(try await partitions(of: old, daemons[0]).dropLast())
            #expect(moved.count >= 3)
            let numbers = moved.map { "\($0.rawValue)" }.joined(separator: " ")
            try await run("move", ["OLD": name(old), "NEW": name(master), "PARTITIONS": numbers])
            for daemon in daemons {
                try await eventually("the new master has the partitions") {
                    try await partitions(of: master, daemon) == moved
                }
            }
            try await waitUntilAccepted(moved, traffic)
            let later = try self.epochs(world)
            #expect(moved.allSatisfy { later[$0.rawValue] > epochs[$0.rawValue] })
            let command = try await CommandRun(
                builtExecutable("couponctl"),
                ["topology", "--address", "127.0.0.1:\(daemons[1].port)"])
            #expect(command.text.contains(name(master)), "\(command.text)")

            try await run("remove", ["OLD": name(master), "SEED": name(seed)])
            for daemon in daemons {
                try await eventually("the master has left") {
                    let nodes = try await daemon.client.topology().nodes
                    return nodes.count == 3 && !nodes.contains { $0.address == name(master) }
                }
            }
            try await waitUntilAccepted(moved, traffic)
            sale.cancel()
            await sale.value
            try await expectBalance(of: traffic, in: world)
            for daemon in daemons { #expect(try await daemon.stop() == .code(0)) }
        }

        /// Waits until each partition accepts requests that are sent from here on.
        private func waitUntilAccepted(
            _ partitions: [PartitionID], _ traffic: Traffic
        ) async throws {
            let start = traffic.recorder.now
            try await eventually("the moved partitions accept", within: .seconds(60)) {
                partitions.allSatisfy { partition in
                    traffic.history.calls.contains {
                        $0.sent > start && $0.acceptedSequence != nil
                            && Partitioning(count: 16).partition(of: $0.coupon) == partition
                    }
                }
            }
        }

        /// Users whose call was cancelled ask again, and so do those who have not asked yet.
        private func expectBalance(of traffic: Traffic, in world: World) async throws {
            await traffic.askAgain(try await world.tables())
            try await world.waitUntilQuiet()
            var checker = HistoryChecker()
            checker.toleranceMilliseconds = 3_600_000
            let breaches = checker.check(traffic.history, against: try await world.tables())
            #expect(breaches.isEmpty, "\(breaches.count): \(breaches.prefix(5))")
        }

        /// Many users for one coupon of each partition.
        private func traffic(_ world: World, through daemons: [Daemon]) async throws -> Traffic {
            let coupons = (1...16 as ClosedRange<Int64>).map { CouponID($0) }
            let traffic = Traffic(
                world, offers: Dictionary(uniqueKeysWithValues: coupons.map { ($0, Int64?.none) }),
                wishes: (1...300 as ClosedRange<Int64>).flatMap { user in
                    coupons.map { Traffic.Wish($0, UserID(user)) }
                })
            for coupon in coupons {
                _ = try await daemons[0].client.create(.offer(coupon.rawValue, total: nil))
            }
            for daemon in daemons { traffic.add(daemon) }
            return traffic
        }

        private func epochs(_ world: World) throws -> [Int] {
            try world.sql("SELECT epoch FROM coupond.partition ORDER BY id").split(separator: "\n")
                .compactMap { Int($0) }
        }

        /// The partitions of a master, as a daemon knows it.
        private func partitions(of node: RedisServer, _ daemon: Daemon) async throws
            -> [PartitionID]
        {
            let nodes = try await daemon.client.topology().nodes
            return nodes.first { $0.address == name(node) }?.partitions ?? []
        }

        private func name(_ node: RedisServer) -> String { "\(node.host):\(node.port)" }

        private func run(
            _ recipe: String, old: RedisServer? = nil, new: RedisServer
        ) async throws {
            try await run(recipe, ["OLD": old.map(name) ?? "", "NEW": name(new)])
        }

        private func run(_ recipe: String, _ environment: [String: String]) async throws {
            let commands = try Recipe(recipe, page: "CLUSTER.md").text
            let run = try await CommandRun(
                "/bin/sh", ["-ec", commands], environment: environment)
            #expect(
                run.end == .code(0) && !run.text.contains("ERR "), "\(commands)\n\(run.text)")
        }
    }
}
