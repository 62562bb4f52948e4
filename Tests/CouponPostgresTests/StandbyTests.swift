import CouponCore
import Dispatch
import TestSupport
import Testing

@testable import CouponPostgres

/// Rule 54: what a synchronous standby may lack counts for nothing.
@Suite(.timeLimit(.minutes(10))) struct StandbyTests {
    enum Work: CaseIterable {
        case issuing
        case raisingEpoch

        func run(by ledger: PostgresLedger) throws {
            switch self {
            case .issuing:
                _ = try ledger.issue(
                    batch(entry(1, first: 1, users: [1, 2]), milliseconds: 60_000))
            case .raisingEpoch:
                _ = try ledger.raiseEpoch(of: partition, above: 1, node: node)
            }
        }
    }

    @Test(arguments: Work.allCases)
    func `a commit is in doubt if its wait for the standby was cancelled`(work: Work) async throws {
        let database = try await TestDatabase(on: PostgresServer())
        try database.coupon()
        // Even if the role does not want to see warnings.
        try database.sql("ALTER ROLE coupond SET client_min_messages = error")
        let mayGoOn = DispatchSemaphore(value: 0)
        async let working: Void = onItsOwnThread {
            let ledger = PostgresLedger(database.options.withoutTimeouts, logger: quiet)
            #expect((try? ledger.ping()) != nil)
            mayGoOn.wait()
            expectSessionLost { try work.run(by: ledger) }
            #expect(!ledger.isConnected)
        }
        try await database.waitUntilConnected()
        try await database.server.waitForMissingStandby()
        mayGoOn.signal()
        try await eventually("the commit waits") { try database.server.commitsInWait == 1 }
        try database.server.endWaits()
        await working
        // It is committed here, so only the cursor decides (rule 20).
        let rows = try database.sql(
            "SELECT issued, epoch FROM coupond.coupon, coupond.partition WHERE partition.id = 0")
        #expect(rows == (work == .issuing ? "2|1" : "0|2"))
        try database.server.waitForNoStandby()
        try await eventually("sessions need no standby") {
            (try? database.ledger { $0.answerTimeoutMilliseconds = 500 }.ping()) != nil
        }
        if work == .issuing {
            #expect(throws: BackendError.postgres(.fenced)) {
                try work.run(by: database.ledger())
            }
        }
    }

    /// If it did, the commit would be in doubt each time that the standby is slow.
    @Test func `the statement timeout does not end a wait for the standby`() async throws {
        let database = try await TestDatabase(on: PostgresServer())
        let mayGoOn = DispatchSemaphore(value: 0)
        async let working: Void = onItsOwnThread {
            var options = database.options.withoutTimeouts
            options.statementTimeoutMilliseconds = 500
            let session = Session(options, role: .ledger, logger: quiet)
            #expect((try? session.run("SELECT")) != nil)
            mayGoOn.wait()
            expectSessionLost { _ = try session.run(Statement(Session.barrier)) }
        }
        try await database.waitUntilConnected()
        try await database.server.waitForMissingStandby()
        mayGoOn.signal()
        try await eventually("the commit waits for longer than a statement may take") {
            try database.sql(
                """
                SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'
                    AND query_start < clock_timestamp() - interval '1 second'
                """) == "1"
        }
        try database.server.endWaits()
        await working
    }

    @Test func `a new session believes nothing before the standby has it`() async throws {
        let primary = try await PostgresServer()
        let database = try await TestDatabase(on: primary)
        try database.coupon()
        let standby = try await PostgresServer(copyOf: primary, streaming: true)
        try await primary.waitForAnyStandby()
        standby.pause()
        // A commit waits for the standby, and its session ends: now everybody sees the commit, and the
        // standby lacks it.
        let writer = try primary.startSilentClient(
            ["UPDATE coupond.coupon SET issued = 7"], on: database.connection)
        try await eventually("the commit waits") { try primary.commitsInWait == 1 }
        try primary.endWaits(by: "pg_terminate_backend")
        try await eventually("the row is visible") {
            try database.sql("SELECT issued FROM coupond.coupon") == "7"
        }
        _ = consume writer
        var hasty = database.options
        hasty.answerTimeoutMilliseconds = 300
        let store = PostgresCouponStore(
            hasty, partitioning: database.installation.partitioning, logger: quiet)
        let error = #expect(throws: BackendError.self) { try store.coupon(CouponID(4)) }
        guard case .postgres(.unreachable(let text)) = error else {
            Testing.Issue.record("\(String(describing: error))")
            return
        }
        #expect(text.hasPrefix("no synchronous standby has confirmed"))

        standby.resume()
        try await eventually("the store believes") {
            guard let coupon = try? store.coupon(CouponID(4)) else { return false }
            return coupon.issued == 7
        }
        try await primary.kill()
        try standby.promote()
        let there = database.connection.replacing(primary.socketFolder, with: standby.socketFolder)
        #expect(try standby.query("SELECT issued FROM coupond.coupon", on: there) == "7")
    }

    /// The next owner has had its session since before, and it settles what the last one committed.
    @Test func `a partition is owned once the standby has what its last owner committed`()
        async throws
    {
        let database = try await TestDatabase(on: PostgresServer())
        let heir = database.ledger {
            $0.idleTimeoutMilliseconds = 600_000
            $0.answerTimeoutMilliseconds = 300
        }
        #expect(try heir.claim(PartitionID(1)))
        try await database.server.waitForMissingStandby()
        let error = #expect(throws: BackendError.self) { try heir.claim(partition) }
        guard case .postgres(.sessionLost) = error else {
            Testing.Issue.record("\(String(describing: error))")
            return
        }
        try database.server.endWaits()
        try database.server.waitForNoStandby()
        try await eventually("the partition is owned") { (try? heir.claim(partition)) == true }
    }

    /// A server process that waits for a standby does not see that its client has gone.
    @Test func `sessions that were given up do not pile up`() async throws {
        let database = try await TestDatabase(on: PostgresServer())
        try await database.server.waitForMissingStandby()
        let ledger = database.ledger { $0.answerTimeoutMilliseconds = 100 }
        var attempts = 0
        try await eventually("some wait, after many attempts") {
            #expect((try? ledger.ping()) == nil)
            attempts += 1
            let waits = try database.server.commitsInWait
            #expect(waits <= 4)
            return attempts >= 12 && waits > 0
        }
    }

    @Test func `without a synchronous standby a session begins without a write`() async throws {
        let database = try await TestDatabase(on: PostgresServer(["autovacuum=off"]))
        func transactions() throws -> String {
            try database.sql("SELECT pg_snapshot_xmax(pg_current_snapshot())")
        }
        let before = try transactions()
        try database.ledger().ping()
        #expect(try transactions() == before)
    }
}

extension TestDatabase {
    /// Waits until a session has begun, and has run its first statement.
    fileprivate func waitUntilConnected() async throws {
        try await eventually("there is a session") {
            try sql(
                """
                SELECT count(*) FROM pg_stat_activity
                WHERE application_name = 'coupond' AND state = 'idle' AND query = 'SELECT'
                """) == "1"
        }
    }
}

extension PostgresOptions {
    /// Options without any timeout, not even the one that ends a silent session.
    fileprivate var withoutTimeouts: PostgresOptions {
        var options = withLongTimeouts
        options.idleTimeoutMilliseconds = 600_000
        return options
    }
}
