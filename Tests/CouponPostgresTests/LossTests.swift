import CouponCore
import Logging
import TestSupport
import Testing

@testable import CouponPostgres

/// Rules 19 and 20: what is not committed is gone, and only the cursor decides about an unknown COMMIT.
@Suite struct LossTests {
    @Test func `a locked coupon makes the batch busy`() async throws {
        let database = try await TestDatabase()
        try database.coupon()
        let other = Session(database.options.withLongTimeouts, role: .store, logger: quiet)
        _ = try other.run("BEGIN", "SELECT FROM coupond.coupon FOR UPDATE")
        let ledger = database.ledger { $0.lockTimeoutMilliseconds = 50 }
        #expect(try ledger.claim(partition))
        expectBusy { _ = try ledger.issue(batch(entry(1, first: 1, users: [1]))) }
        #expect(ledger.isConnected)
        other.rollBack()
        #expect(try ledger.issue(batch(entry(1, first: 1, users: [1]))).issued == 1)
    }

    @Test func `a deadlock makes the batch busy`() async throws {
        let database = try await TestDatabase()
        try database.coupon()
        // The ledger looks for a deadlock once, and ten seconds were once not enough to make one.
        try database.sql(
            """
            DO $$ BEGIN EXECUTE format(
                'ALTER DATABASE %I SET deadlock_timeout = ''30s''', current_database()); END $$
            """)
        let other = Session(
            database.ownersOptions.withLongTimeouts, role: .store, logger: quiet)
        _ = try other.run(
            "SET deadlock_timeout = '1h'", "BEGIN", "SELECT FROM coupond.coupon FOR UPDATE")
        async let issuing: Void = onItsOwnThread {
            let ledger = PostgresLedger(database.options.withLongTimeouts, logger: quiet)
            // On a busy machine the test may go on much later.
            let batch = batch(entry(1, first: 1, users: [1]), milliseconds: 120_000)
            expectBusy { _ = try ledger.issue(batch) }
        }
        try await database.waitUntilBlocked()
        _ = try other.run("UPDATE coupond.partition SET epoch = 2 WHERE id = 0")
        _ = try other.run("ROLLBACK")
        await issuing
    }

    @Test func `a session that ends within a transaction leaves nothing`() async throws {
        let database = try await TestDatabase()
        try database.coupon()
        let other = Session(database.options.withLongTimeouts, role: .store, logger: quiet)
        _ = try other.run("BEGIN", "SELECT FROM coupond.coupon FOR UPDATE")
        async let issuing: Void = onItsOwnThread {
            let ledger = PostgresLedger(database.options.withLongTimeouts, logger: quiet)
            // On a busy machine a long time may pass before the session is ended.
            let batch = batch(entry(1, first: 1, users: [1]), milliseconds: 120_000)
            expectSessionLost { _ = try ledger.issue(batch) }
            #expect(!ledger.isConnected)
        }
        try await database.waitUntilBlocked()
        try database.terminateBlockedSessions()
        await issuing
        other.close()
        #expect(try database.ledger().partition(partition).cursor == Position(epoch: 1, n: 0))
        #expect(try database.ledger().issue(batch(entry(1, first: 1, users: [1]))).issued == 1)
    }

    /// The client gives up while the COMMIT is in flight; whether it succeeds is decided later.
    @Test(arguments: [true, false]) func `a COMMIT without an answer is resolved by the cursor`(
        succeeds: Bool
    ) async throws {
        let database = try await TestDatabase()
        try database.coupon()
        try database.sql(
            """
            CREATE FUNCTION public.hold() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN PERFORM pg_advisory_xact_lock(77); RETURN NULL; END $$;
            CREATE CONSTRAINT TRIGGER hold AFTER INSERT ON coupond.coupon_issue
                DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.hold()
            """)
        let other = Session(database.options.withLongTimeouts, role: .store, logger: quiet)
        _ = try other.run("SELECT pg_advisory_lock(77)")
        var hasty = database.options.withLongTimeouts
        hasty.answerTimeoutMilliseconds = 300
        let ledger = PostgresLedger(hasty, logger: quiet)
        let work = batch(entry(1, first: 1, users: [1, 2]))
        expectSessionLost { _ = try ledger.issue(work) }
        // The old backend is still in its COMMIT: the same batch waits for it, and is not decided.
        expectBusy { _ = try database.ledger { $0.lockTimeoutMilliseconds = 50 }.issue(work) }
        if succeeds {
            _ = try other.run("SELECT pg_advisory_unlock(77)")
            #expect(throws: BackendError.postgres(.fenced)) {
                try PostgresLedger(database.options.withLongTimeouts, logger: quiet).issue(work)
            }
        } else {
            try database.terminateBlockedSessions()
            other.close()
            #expect(try database.ledger().issue(work).issued == 2)
        }
        #expect(try database.sql("SELECT issued FROM coupond.coupon") == "2")
        #expect(try database.sql("SELECT count(*) FROM coupond.coupon_issue") == "2")
    }

    @Test func `a stopped server is given up`() async throws {
        let server = try await PostgresServer()
        let database = try await TestDatabase(on: server)
        let ledger = database.ledger { $0.answerTimeoutMilliseconds = 200 }
        try ledger.ping()
        server.pause()
        expectSessionLost { try ledger.ping() }
        expectSessionLost { try ledger.ping() }
        server.resume()
        try await eventually("the ledger connects") {
            try ledger.ping()
            return true
        }
    }

    @Test func `a killed server is reached again`() async throws {
        let server = try await PostgresServer()
        let database = try await TestDatabase(on: server)
        try database.coupon()
        let ledger = database.ledger()
        _ = try ledger.issue(batch(entry(1, first: 1, users: [1, 2])))
        try await server.kill()
        expectSessionLost { try ledger.ping() }
        expectSessionLost { try ledger.ping() }
        try await server.start()
        #expect(try ledger.partition(partition).cursor == Position(epoch: 1, n: 1))
        #expect(try database.store().coupon(CouponID(4))?.issued == 2)
        try await server.stop()
        expectSessionLost { try ledger.ping() }
    }

    @Test func `a standby is refused`() async throws {
        let database = try await TestDatabase()
        let ledger = database.ledger {
            $0.connection += " options='-c default_transaction_read_only=on'"
        }
        expectSessionLost { try ledger.ping() }
    }

    @Test func `every session commits synchronously`() async throws {
        let database = try await TestDatabase()
        try database.sql(
            """
            ALTER ROLE \(LeastRights.role) IN DATABASE \(database.name)
            SET synchronous_commit = off
            """)
        for role in [Session.Role.ledger, .store] {
            let session = Session(database.options, role: role, logger: quiet)
            let setting = try session.run("SELECT current_setting('synchronous_commit')").text(0, 0)
            #expect(setting == "on")
        }
    }
}

extension TestDatabase {
    fileprivate var name: String {
        get throws { try sql("SELECT current_database()") }
    }
}
