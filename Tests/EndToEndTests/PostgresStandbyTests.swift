import CouponClient
import CouponCore
import CouponWire
import HistoryChecker
import TestSupport
import TestWorld
import Testing

extension FaultTests {
    /// The primary dies during a sale, and daemons that know both hosts go on at the promoted standby.
    @Suite(.machine(.killing), .serialized) struct PostgresStandbyTests {
        enum Standby: CaseIterable {
            case synchronous
            /// An asynchronous standby, which lost its primary some time ago.
            case lagging
        }

        @Test(arguments: Standby.allCases)
        func `daemons follow a promotion, and only a standby that lags loses something`(
            kind: Standby
        ) async throws {
            let (world, primary, standby) = try await Self.world()
            let daemons = [try await world.daemon(), try await world.daemon()]
            let traffic = try await Traffic(world, through: daemons[0], total: 400)
            traffic.add(daemons[1])
            await traffic.run(first: 150)
            try await traffic.heal(through: daemons[0])
            let past = traffic.recorder.now
            if kind == .synchronous {
                try await primary.waitForAnyStandby()
            } else {
                try await standby.stopFollowing()
                await traffic.run(first: 100)
                try await traffic.heal(through: daemons[0])
            }
            let soon = traffic.accepted + 40
            async let sale: Void = traffic.run(first: 200)
            try await traffic.reach(accepted: soon)
            if kind == .synchronous {
                try await primary.kill()
                try standby.promote()
            } else {
                try await traffic.recorder.losing(.postgres, since: past) {
                    try await primary.kill()
                    try standby.promote()
                }
            }
            await sale
            await traffic.run()
            for _ in 1...2 {
                try await traffic.heal(through: daemons[0])
                await traffic.askAgain(try await world.tables())
            }
            try await traffic.expectBalance(through: daemons[0])
            let notices = daemons.map {
                $0.process.logText.contains("PostgreSQL went back")
            }
            #expect(notices.contains(true) == (kind == .lagging))
            for daemon in daemons { #expect(try await daemon.stop() == .code(0)) }
        }

        /// Commits whose wait was cancelled are at the primary only, and the primary is lost (rule 54).
        @Test func `a commit whose wait for the standby was cancelled is not answered`()
            async throws
        {
            let (world, primary, standby) = try await Self.world()
            let daemon = try await world.daemon()
            let traffic = try await Traffic(world, through: daemon, total: 400)
            await traffic.run(first: 150)
            try await traffic.heal(through: daemon)
            try await primary.waitForAnyStandby()
            let soon = traffic.accepted + 20
            async let sale: Void = traffic.run(first: 300, callers: 100)
            try await traffic.reach(accepted: soon)
            try await standby.stopFollowing()
            try await eventually("a commit waits") { try primary.commitsInWait > 0 }
            let known = traffic.issuedAnswers
            // First the commit waits, and then the first statements of later sessions, until callers get an
            // answer.
            var ended = 0
            try await eventually("waits were cancelled", within: .seconds(40)) {
                let waits = try primary.commitsInWait
                if waits > 0 { try primary.endWaits() }
                ended += waits
                return ended >= 3 || (ended > 0 && traffic.issuedAnswers > known)
            }
            try await primary.kill()
            try standby.promote()
            await sale
            await traffic.run()
            try await traffic.heal(through: daemon)
            await traffic.askAgain(try await world.tables())
            try await traffic.expectBalance(through: daemon)
            let wentBack = daemon.process.logText.contains("PostgreSQL went back")
            #expect(!wentBack)
            #expect(try await daemon.stop() == .code(0))
        }

        @Test func `while the standby is away requests are accepted, and issued once it is back`()
            async throws
        {
            let (world, primary, standby) = try await Self.world()
            let port = Int(try freePort())
            let daemon = try await world.daemon(["--metrics-listen", "127.0.0.1:\(port)"])
            let coupon = try await daemon.offer(total: 40)
            for user in 1...10 { try await daemon.win(coupon, Int64(user)) }
            try await primary.waitForAnyStandby()
            standby.pause()
            defer { standby.resume() }
            for user in 11...40 as ClosedRange<Int64> {
                guard case .accepted = try await daemon.ask(coupon, user) else {
                    throw Unexpected(what: "user \(user) was not accepted")
                }
            }
            try await eventually("a commit waits") { try primary.commitsInWait > 0 }
            #expect(try world.issued < 40)
            var page = ""
            try await eventually("readiness says why: \(page)", within: .seconds(60)) {
                page = try httpGet("/readyz?verbose", port: port)
                return page.contains("no synchronous standby has confirmed")
            }
            standby.resume()
            try await eventually("all are issued", within: .seconds(60)) {
                try world.issued == 40
            }
            for user in 1...40 { #expect(try await daemon.holds(coupon, Int64(user))) }
            #expect(try await daemon.ask(coupon, 41) == .soldOut)
            #expect(try await daemon.stop() == .code(0))
        }

        /// A standby was promoted, and its primary still accepts writes: one daemon reaches each of them, and
        /// both the same Redis.
        @Test func `two primaries raise an alarm, and neither issues more than there are`()
            async throws
        {
            let primary = try await PostgresServer()
            let world = try await World(postgres: primary)
            let daemon = try await world.daemon()
            let traffic = try await Traffic(world, through: daemon, total: 200)
            await traffic.run(first: 100)
            try await traffic.heal(through: daemon)
            let second = try await PostgresServer(copyOf: primary, streaming: true)
            try second.promote()
            let there = world.daemonDatabase.replacing(
                primary.socketFolder, with: second.socketFolder)
            try await traffic.recorder.losing(.postgres) {
                let other = try Daemon(world, postgres: there)
                traffic.add(other)
                async let sale: Void = traffic.run(first: 150, timeout: .seconds(10))
                try await eventually("the alarm is raised", within: .seconds(40)) {
                    [daemon, other].contains {
                        $0.process.logText.contains("PostgreSQL went back")
                    }
                }
                await sale
                traffic.remove(other)
                try await other.kill()
                let issued = try second.query(
                    "SELECT count(*) FROM coupond.coupon_issue",
                    on: world.database.replacing(primary.socketFolder, with: second.socketFolder))
                #expect(Int(issued) ?? .max <= 200)
                try await second.kill()
            }
            try await traffic.heal(through: daemon)
            // What is free in one primary may be taken in the other, which then rejects users who were
            // accepted. So the promises to callers are not judged.
            let tables = try await world.tables()
            #expect((1...200).contains(tables.issues.count))
            #expect(Set(tables.issues.map(\.user)).count == tables.issues.count)
            #expect(Set(tables.issues.map(\.sequence)).count == tables.issues.count)
            #expect(try await daemon.stop() == .code(0))
        }

        /// A primary, a standby that follows it, and daemons' connection string with both hosts.
        private static func world() async throws -> (World, PostgresServer, PostgresServer) {
            let primary = try await PostgresServer()
            let standby = try await PostgresServer(copyOf: primary, streaming: true)
            let database =
                try primary.makeDatabase().replacing(
                    primary.socketFolder, with: "\(primary.socketFolder),\(standby.socketFolder)")
                + " target_session_attrs=read-write"
            return (try await World(postgres: primary, database: database), primary, standby)
        }
    }
}

extension Traffic {
    /// How many answers said ISSUED.
    fileprivate var issuedAnswers: Int { history.calls.count(where: \.reportsIssued) }
}
