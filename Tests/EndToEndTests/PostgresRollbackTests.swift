import CouponClient
import CouponCore
import CouponWire
import HistoryChecker
import TestSupport
import TestWorld
import Testing

extension FaultTests {
    /// PostgreSQL comes back with older data (rule 16).
    @Suite(.machine(.killing), .serialized) struct PostgresRollbackTests {
        enum Rollback: CaseIterable {
            /// A standby that has stopped following its primary is promoted.
            case laggingStandbyPromoted
            case baseBackupRestored
        }

        @Test(arguments: Rollback.allCases)
        func `after PostgreSQL goes back gates are rebuilt, and the total is issued once`(
            rollback: Rollback
        ) async throws {
            let (first, name) = (try await PostgresServer(), try TemporaryFolder())
            let world = try await World(first, under: name)
            let daemon = try await world.daemon()
            let traffic = try await Traffic(world, through: daemon, total: 400)
            await traffic.run(first: 150)
            try await traffic.heal(through: daemon)
            let past = traffic.recorder.now
            let isStandby = rollback == .laggingStandbyPromoted
            let second = try await PostgresServer(copyOf: first, streaming: isStandby)
            if isStandby { try await second.stopFollowing() }
            await traffic.run(first: 150)
            try await traffic.heal(through: daemon)
            // A reader follows events. Its bookmark is after commits that are lost below.
            let bookmark = try await daemon.client.events(
                EventQuestion(.now, waitMilliseconds: 0)
            ).bookmark

            let soon = traffic.accepted + 40
            async let sale: Void = traffic.run(first: 200)
            try await traffic.reach(accepted: soon)
            try await traffic.recorder.losing(.postgres, since: past) {
                try await first.kill()
                if isStandby { try second.query("SELECT pg_promote()", on: second.connection()) }
                try pointLink(name.file("host"), to: second.socketFolder)
            }
            await sale
            await traffic.run()
            for _ in 1...2 {
                try await traffic.heal(through: daemon)
                await traffic.askAgain(try await world.tables())
            }
            try await traffic.expectBalance(through: daemon)
            try await daemon.process.logs("PostgreSQL went back")
            let page = try await daemon.client.events(EventQuestion(.after(bookmark)))
            #expect(page.resets.contains { $0.reason == .wentBack })
            #expect(try await daemon.stop() == .code(0))
        }

        @Test
        func `a coupon's change that only PostgreSQL lost raises an alarm and leaves the gate`()
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
            try pointLink(name.file("host"), to: second.socketFolder)
            try await daemon.process.logs("a change of a coupon", within: .seconds(40))
            try await daemon.winSoon(coupon, 2)
            let audit = try await daemon.client.audit(coupon)
            #expect(audit.place.epoch == 1, "no gate was rebuilt for it")
            #expect(audit.gate?.version == audit.accounts.coupon.version)
            #expect(audit.judge.checks.filter { !$0.holds } == [])
            #expect(try await daemon.stop() == .code(0))
        }
    }
}

extension World {
    /// A database that daemons reach by the link `host` in `folder`, which can be pointed elsewhere later.
    fileprivate convenience init(
        _ server: PostgresServer, under folder: TemporaryFolder
    ) async throws {
        try pointLink(folder.file("host"), to: server.socketFolder)
        let database = try server.makeDatabase()
            .replacing(server.socketFolder, with: folder.file("host"))
        try await self.init(postgres: server, database: database)
    }
}
