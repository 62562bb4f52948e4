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
            let address = "\(spare.host):\(spare.port)"
            let nodes = try await daemons[1].client.topology().nodes
            #expect(nodes.first { $0.address == address }?.partitions.isEmpty == false)
            for daemon in daemons { #expect(try await daemon.stop() == .code(0)) }
        }

        @Test func `the page's commands create a cluster in which a sale runs`() async throws {
            let cluster = try await RedisCluster(isJoined: false)
            try await run(
                "create", environment: ["NODES": cluster.unjoinedNodes.joined(separator: " ")])
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

        private func run(
            _ recipe: String, old: RedisServer? = nil, new: RedisServer
        ) async throws {
            try await run(
                recipe,
                environment: [
                    "OLD": old.map { "\($0.host):\($0.port)" } ?? "",
                    "NEW": "\(new.host):\(new.port)",
                ])
        }

        private func run(_ recipe: String, environment: [String: String]) async throws {
            let commands = try Recipe(recipe, page: "CLUSTER.md").text
            let run = try await CommandRun(
                "/bin/sh", ["-ec", commands], environment: environment)
            #expect(run.end == .code(0), "\(commands)\n\(run.text)")
        }
    }
}
