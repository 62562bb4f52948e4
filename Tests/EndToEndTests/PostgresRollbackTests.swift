import CouponClient
import CouponCore
import CouponWire
import HistoryChecker
import TestSupport
import TestWorld
import Testing

extension FaultTests {
    /// PostgreSQL comes back older than it was (rule 16).
    @Suite struct PostgresRollbackTests {
        enum Rollback: CaseIterable {
            /// A standby that no longer hears of its primary is promoted.
            case laggingStandbyPromoted
            case baseBackupRestored
        }

        @Test(arguments: Rollback.allCases)
        func `PostgreSQL goes back: an alarm, gates built anew, and the total is sold once`(
            rollback: Rollback
        ) async throws {
            let (first, name) = (try await PostgresServer(), try TemporaryFolder())
            let world = try await World(first, under: name)
            let daemon = try await world.daemon()
            let load = try await Load(world, through: daemon, total: 400)
            await load.run(first: 150)
            try await load.heal(through: daemon)
            let past = load.recorder.now
            let isStandby = rollback == .laggingStandbyPromoted
            let second = try await PostgresServer(copyOf: first, streaming: isStandby)
            if isStandby { try await second.stopFollowing() }
            await load.run(first: 150)
            try await load.heal(through: daemon)

            async let sale: Void = load.run(first: 200)
            try await load.reach(accepted: load.accepted + 40)
            try await load.recorder.losing(.postgres, since: past) {
                try await first.kill()
                if isStandby { try second.query("SELECT pg_promote()", on: second.connection()) }
                try point(name.file("host"), to: second.socketFolder)
            }
            await sale
            await load.run()
            for _ in 1...2 {
                try await load.heal(through: daemon)
                await load.askAgain(try await world.tables())
            }
            try await load.expectBalance(through: daemon)
            #expect(daemon.process.logTail(lines: 100_000).contains("PostgreSQL went back"))
            #expect(try await daemon.stop() == .code(0))
        }

        @Test
        func `a promoted standby lacks only a change of a coupon: an alarm, and the gate is told`()
            async throws
        {
            let (first, name) = (try await PostgresServer(), try TemporaryFolder())
            let world = try await World(first, under: name)
            let daemon = try await world.daemon()
            let coupon = try await daemon.client.create(.offer(3, total: 10)).id
            try await daemon.win(coupon, 1)
            let second = try await PostgresServer(copyOf: first, streaming: true)
            try await second.stopFollowing()
            #expect(try await daemon.client.pause(coupon).state == .paused)
            #expect(try await daemon.ask(coupon, 2, attempt: 1) == .paused)
            try await first.kill()
            try second.query("SELECT pg_promote()", on: second.connection())
            try point(name.file("host"), to: second.socketFolder)
            try await eventually("the log tells it", within: .seconds(40)) {
                daemon.process.logTail(lines: 1_000).contains("a change of a coupon")
            }
            try await daemon.winSoon(coupon, 2)
            let audit = try await daemon.client.audit(coupon)
            #expect(audit.place.epoch == 1, "no gate was rebuilt for it")
            #expect(audit.gate?.version == audit.accounts.coupon.version)
            #expect(audit.judge.checks.filter { !$0.holds } == [])
            #expect(try await daemon.stop() == .code(0))
        }
    }
}

extension PostgresServer {
    /// A standby hears no more of its primary. Only to pause the replay is not enough: what was received
    /// would be replayed by the promotion.
    fileprivate func stopFollowing() async throws {
        try query("ALTER SYSTEM SET primary_conninfo = ''", on: connection())
        try query("SELECT pg_reload_conf()", on: connection())
        try await eventually("nothing is received any more") {
            try query("SELECT count(*) FROM pg_stat_wal_receiver", on: connection()) == "0"
        }
    }
}

extension World {
    /// A database that daemons reach by a name in `folder`, `host`, which may be pointed elsewhere later.
    fileprivate convenience init(
        _ server: PostgresServer, under folder: TemporaryFolder
    ) async throws {
        try point(folder.file("host"), to: server.socketFolder)
        let database = try server.makeDatabase()
            .replacing(server.socketFolder, with: folder.file("host"))
        try await self.init(postgres: server, database: database)
    }
}
