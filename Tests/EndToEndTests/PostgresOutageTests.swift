import CouponClient
import CouponCore
import CouponWire
import Foundation
import HistoryChecker
import TestSupport
import TestWorld
import Testing

extension FaultTests {
    /// PostgreSQL goes away during a sale: the gate still accepts, and everything is issued once PostgreSQL
    /// is back.
    @Suite(.machine(.killing), .serialized) struct PostgresOutageTests {
        enum Outage: CaseIterable {
            case stopped
            case killed
            case frozen
        }

        @Test(arguments: Outage.allCases)
        func `requests are accepted while PostgreSQL is away, and issued when it is back`(
            outage: Outage
        ) async throws {
            let world = try await World(ownPostgres: true)
            let daemon = try await world.daemon()
            let traffic = try await Traffic(world, through: daemon, total: 400)
            async let early: Void = traffic.run(first: 200)
            try await traffic.reach(accepted: 60)
            try await world.postgres.begin(outage)
            let soon = traffic.accepted + 20
            async let late: Void = traffic.run(callers: 100)
            try await traffic.reach(accepted: soon)
            #expect(daemon.process.isRunning)
            try await world.postgres.end(outage)
            await early
            await late
            try await traffic.expectBalance(through: daemon)
            #expect(try await daemon.stop() == .code(0))
        }

        @Test func `a sale goes on while the scheduler's session is ended again and again`()
            async throws
        {
            let world = try await World()
            let daemon = try await world.daemon()
            let traffic = try await Traffic(world, through: daemon, total: 800)
            for _ in 1...5 {
                let soon = traffic.accepted + 50
                async let sale: Void = traffic.run(first: 150)
                try await traffic.reach(accepted: soon)
                try world.sql(
                    """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND pid <> pg_backend_pid()
                    """)
                await sale
            }
            await traffic.run()
            try await traffic.expectBalance(through: daemon)
            #expect(try await daemon.stop() == .code(0))
        }

        @Test func `a locked coupon does not delay another partition`()
            async throws
        {
            let world = try await World()
            let daemon = try await world.daemon()
            let locked = try await Traffic(world, through: daemon, coupon: 1, total: 100)
            let free = try await Traffic(world, through: daemon, coupon: 2, total: 50)
            let lock = try await world.lock(locked.coupon)
            async let first: Void = locked.run(callers: 150)
            try await eventually("the locked coupon is sold out at the gate") {
                try await daemon.client.status(of: locked.coupon).accepted == 100
            }
            await free.run()
            try await free.expectBalance(through: daemon)
            #expect(try locked.issued() == 0, "its coupon's row is locked")
            #expect(
                !locked.history.calls.contains { $0.reportsIssued },
                "ISSUED must come after the commit")
            try await lock.release()
            await first
            try await locked.expectBalance(through: daemon)
            #expect(try await daemon.stop() == .code(0))
        }
    }
}

extension PostgresServer {
    fileprivate func begin(_ outage: FaultTests.PostgresOutageTests.Outage) async throws {
        switch outage {
        case .stopped: try await stop()
        case .killed: try await kill()
        case .frozen: pause()
        }
    }

    fileprivate func end(_ outage: FaultTests.PostgresOutageTests.Outage) async throws {
        switch outage {
        case .stopped, .killed: try await start()
        case .frozen: resume()
        }
    }
}
