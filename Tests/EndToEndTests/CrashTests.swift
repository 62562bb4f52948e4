import CouponClient
import CouponCore
import CouponWire
import Foundation
import TestSupport
import TestWorld
import Testing

extension FaultTests {
    /// Daemons die at the worst moments: nothing is lost or done twice, and the sale goes on.
    @Suite struct CrashTests {
        @Test(arguments: Failpoint.allCases)
        func `a daemon dies at a failpoint, and the next one goes on`(
            failpoint: Failpoint
        ) async throws {
            let world = try await World()
            var daemon = try await world.daemon()
            let load = try await Load(world, through: daemon, total: 300)
            async let sale: Void = load.run()
            try await load.reach(accepted: 40)
            try await daemon.kill()
            load.remove(daemon)
            for _ in 1...2 {
                // It may be dead before it is ready: work lies in the queue.
                let doomed = try Daemon(world, [], failpoint)
                load.add(doomed)
                let end = try await doomed.process.waitForEnd()
                #expect(end == .signal(SIGKILL), "it dies at its failpoint, not otherwise")
                load.remove(doomed)
            }
            daemon = try await world.daemon()
            load.add(daemon)
            await sale
            try await load.expectBalance(through: daemon)
            #expect(try await daemon.stop() == .code(0))
        }

        @Test(arguments: Failpoint.allCases)
        func `a daemon dies at a failpoint, and another one takes its partitions over`(
            failpoint: Failpoint
        ) async throws {
            let world = try await World()
            let survivor = try await world.daemon()
            let doomed = try await world.daemon(failpoint: failpoint)
            try await eventually("eight partitions each") {
                try world.ownedPartitions() == ["8", "8"]
            }
            // The first owner keeps the lower half: coupon 9 is issued by the one that will die.
            let load = try await Load(world, through: survivor, coupon: 9, total: 300)
            load.add(doomed)
            async let sale: Void = load.run()
            let end = try await doomed.process.waitForEnd()
            #expect(end == .signal(SIGKILL), "it dies at its failpoint, not otherwise")
            load.remove(doomed)
            await sale
            try await load.expectBalance(through: survivor)
            #expect(try world.ownedPartitions() == ["16"])
            #expect(try await survivor.stop() == .code(0))
        }

        @Test func `a daemon stands still, loses its partitions, and wakes up with an old batch`()
            async throws
        {
            let world = try await World()
            let survivor = try await world.daemon()
            let sleeper = try await world.daemon()
            try await eventually("eight partitions each") {
                try world.ownedPartitions() == ["8", "8"]
            }
            let load = try await Load(world, through: survivor, coupon: 9, total: 400)
            load.add(sleeper)
            async let early: Void = load.run(first: 250)
            try await load.reach(accepted: 60)
            sleeper.process.signal(SIGSTOP)
            load.remove(sleeper)
            async let late: Void = load.run()
            try await eventually("the other one owns all partitions, without the sleeper's leave") {
                try world.ownedPartitions() == ["16"]
            }
            let issued = try load.issued()
            try await eventually("it issues") { try load.issued() > issued || issued == 400 }
            sleeper.process.signal(SIGCONT)
            load.add(sleeper)
            await early
            await late
            try await load.expectBalance(through: survivor)
            try await sleeper.ready()
            try await load.expectBalance(through: sleeper)
            for daemon in [survivor, sleeper] { #expect(try await daemon.stop() == .code(0)) }
        }

        @Test func `daemons die at random moments, again and again`() async throws {
            let seed = UInt64.random(in: 0...(.max))
            print("kill -9 at random moments: seed \(seed)")
            var random = SplitMix64(seed: seed)
            let world = try await World()
            var daemons = [try await world.daemon(), try await world.daemon()]
            let load = try await Load(world, through: daemons[0], total: 1_200)
            load.add(daemons[1])
            async let sale: Void = load.run()
            for _ in 1...5 {
                let more = Int.random(in: 1...120, using: &random)
                try await load.reach(accepted: min(load.accepted + more, 1_100))
                let victim = daemons.remove(at: Int.random(in: 0...1, using: &random))
                try await victim.kill()
                load.remove(victim)
                daemons.append(try await world.daemon())
                load.add(daemons[1])
            }
            await sale
            try await load.expectBalance(through: daemons[0])
            for daemon in daemons { #expect(try await daemon.stop() == .code(0)) }
        }

        @Test func `the whole machine fails: daemon, Redis and PostgreSQL at once`() async throws {
            let world = try await World(ownPostgres: true)
            var daemon = try await world.daemon()
            let load = try await Load(world, through: daemon, total: 400)
            async let early: Void = load.run(first: 250)
            try await load.reach(accepted: 60)
            let failing = daemon
            async let redis: Void = world.redis.kill()
            async let postgres: Void = world.postgres.kill()
            async let process: Void = failing.kill()
            _ = try await (redis, postgres, process)
            load.remove(failing)
            async let late: Void = load.run()
            try await world.postgres.start()
            try await world.redis.restart()
            daemon = try await world.daemon()
            load.add(daemon)
            await early
            await late
            try await load.expectBalance(through: daemon)
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
            let load = try await Load(world, through: daemons[0], total: 1_000)
            load.add(daemons[1])
            await load.run()
            for daemon in daemons { try await load.expectBalance(through: daemon) }
            // A stopped Redis answers nobody: what is answered now was known at the front door.
            world.redis.freeze()
            defer { world.redis.thaw() }
            for daemon in daemons {
                for connection in 1...8 {
                    let client = CouponClient(address: daemon.client.address)
                    let outcome = try await client.issue(
                        IssueRequest(coupon: load.coupon, user: UserID(Int64(90_000 + connection))))
                    #expect(outcome == .soldOut)
                    await client.close()
                }
            }
        }
    }
}

extension World {
    /// How many partitions each scheduler's session holds; the class is that of owners' locks.
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
