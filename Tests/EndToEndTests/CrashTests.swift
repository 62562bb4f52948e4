import CouponClient
import CouponCore
import CouponWire
import Foundation
import TestSupport
import TestWorld
import Testing

extension FaultTests {
    /// Daemons die at the worst moments: nothing is lost or done twice, and the sale goes on.
    @Suite(.machine(.killing), .serialized) struct CrashTests {
        @Test(arguments: Failpoint.allCases)
        func `after a daemon dies at a failpoint the next one continues`(
            failpoint: Failpoint
        ) async throws {
            let world = try await World()
            var daemon = try await world.daemon()
            let traffic = try await Traffic(world, through: daemon, total: 300)
            async let sale: Void = traffic.run()
            try await traffic.reach(accepted: 40)
            try await daemon.kill()
            traffic.remove(daemon)
            for _ in 1...2 {
                // This daemon may die before it is ready, because the queue has work.
                let doomed = try Daemon(world, [], failpoint)
                traffic.add(doomed)
                let end = try await doomed.process.waitForEnd()
                #expect(end == .signal(SIGKILL), "it must die at its failpoint")
                traffic.remove(doomed)
            }
            daemon = try await world.daemon()
            traffic.add(daemon)
            await sale
            try await traffic.expectBalance(through: daemon)
            #expect(try await daemon.stop() == .code(0))
        }

        @Test(arguments: Failpoint.allCases)
        func `after a daemon dies at a failpoint another one takes over its partitions`(
            failpoint: Failpoint
        ) async throws {
            let world = try await World()
            let survivor = try await world.daemon()
            let doomed = try await world.daemon(failpoint: failpoint)
            try await eventually("eight partitions each") {
                try world.ownedPartitions() == ["8", "8"]
            }
            // The first owner keeps the lower half: coupon 9 is issued by the one that will die.
            let traffic = try await Traffic(world, through: survivor, coupon: 9, total: 300)
            traffic.add(doomed)
            async let sale: Void = traffic.run()
            let end = try await doomed.process.waitForEnd()
            #expect(end == .signal(SIGKILL), "it must die at its failpoint")
            traffic.remove(doomed)
            await sale
            try await traffic.expectBalance(through: survivor)
            try await eventually("the survivor owns all") { try world.ownedPartitions() == ["16"] }
            #expect(try await survivor.stop() == .code(0))
        }

        @Test func `a stopped daemon loses its partitions, and its old batch does no harm`()
            async throws
        {
            let world = try await World()
            let survivor = try await world.daemon()
            let sleeper = try await world.daemon()
            try await eventually("eight partitions each") {
                try world.ownedPartitions() == ["8", "8"]
            }
            let traffic = try await Traffic(world, through: survivor, coupon: 9, total: 400)
            traffic.add(sleeper)
            async let early: Void = traffic.run(first: 250)
            try await traffic.reach(accepted: 60)
            sleeper.process.signal(SIGSTOP)
            traffic.remove(sleeper)
            async let late: Void = traffic.run()
            try await eventually("the other daemon owns all partitions") {
                try world.ownedPartitions() == ["16"]
            }
            let issued = try traffic.issued()
            try await eventually("it issues") { try traffic.issued() > issued || issued == 400 }
            sleeper.process.signal(SIGCONT)
            traffic.add(sleeper)
            await early
            await late
            try await traffic.expectBalance(through: survivor)
            try await sleeper.ready()
            try await traffic.expectBalance(through: sleeper)
            for daemon in [survivor, sleeper] { #expect(try await daemon.stop() == .code(0)) }
        }

        @Test func `nothing is lost when daemons die at random moments`() async throws {
            let seed = UInt64.random(in: 0...(.max))
            print("kill -9 at random moments: seed \(seed)")
            var random = SplitMix64(seed: seed)
            let world = try await World()
            var daemons = [try await world.daemon(), try await world.daemon()]
            let traffic = try await Traffic(world, through: daemons[0], total: 1_200)
            traffic.add(daemons[1])
            async let sale: Void = traffic.run()
            for _ in 1...5 {
                let more = Int.random(in: 1...120, using: &random)
                try await traffic.reach(accepted: min(traffic.accepted + more, 1_100))
                let victim = daemons.remove(at: Int.random(in: 0...1, using: &random))
                try await victim.kill()
                traffic.remove(victim)
                daemons.append(try await world.daemon())
                traffic.add(daemons[1])
            }
            await sale
            try await traffic.expectBalance(through: daemons[0])
            for daemon in daemons { #expect(try await daemon.stop() == .code(0)) }
        }

        @Test func `a sale goes on after daemon, Redis and PostgreSQL die at once`() async throws {
            let world = try await World(ownPostgres: true)
            var daemon = try await world.daemon()
            let traffic = try await Traffic(world, through: daemon, total: 400)
            async let early: Void = traffic.run(first: 250)
            try await traffic.reach(accepted: 60)
            let failing = daemon
            async let redis: Void = world.redis.kill()
            async let postgres: Void = world.postgres.kill()
            async let process: Void = failing.kill()
            _ = try await (redis, postgres, process)
            traffic.remove(failing)
            async let late: Void = traffic.run()
            try await world.postgres.start()
            try await world.redis.restart()
            daemon = try await world.daemon()
            traffic.add(daemon)
            await early
            await late
            try await traffic.expectBalance(through: daemon)
            #expect(try await daemon.stop() == .code(0))
        }

        @Test func `two daemons share the partitions, sell exactly the total, and both bounce`()
            async throws
        {
            let world = try await World()
            let daemons = [try await world.daemon(), try await world.daemon()]
            try await eventually("eight partitions each") {
                try world.ownedPartitions() == ["8", "8"]
            }
            let traffic = try await Traffic(world, through: daemons[0], total: 1_000)
            traffic.add(daemons[1])
            await traffic.run()
            for daemon in daemons { try await traffic.expectBalance(through: daemon) }
            // Redis is frozen, so these answers come from the front door.
            world.redis.freeze()
            defer { world.redis.thaw() }
            for daemon in daemons {
                for connection in 1...8 {
                    let client = CouponClient(
                        address: daemon.client.address, configuration: .patient)
                    let outcome = try await client.issue(
                        IssueRequest(
                            coupon: traffic.coupon, user: UserID(Int64(90_000 + connection))))
                    #expect(outcome == .soldOut)
                    await client.close()
                }
            }
        }
    }
}

extension World {
    /// How many partitions each scheduler's session owns, by the owners' advisory locks.
    func ownedPartitions() throws -> [String] {
        try sql(
            """
            SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2
                AND classid = x'636F0001'::int::oid
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            GROUP BY pid ORDER BY 1
            """
        ).split(separator: "\n").map(String.init)
    }
}
