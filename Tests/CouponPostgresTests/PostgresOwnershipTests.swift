import CouponCore
import TestSupport
import Testing

@testable import CouponPostgres

/// Rule 9: a partition belongs to the session that holds its lock, until the session ends.
@Suite struct PostgresOwnershipTests {
    @Test func `a partition has one owner`() async throws {
        let database = try await TestDatabase()
        let (first, second) = (database.ledger(), database.ledger())
        #expect(try first.claim(partition))
        #expect(try first.claim(partition))
        #expect(try !second.claim(partition))
        #expect(try second.claim(PartitionID(1)))
        try first.release(partition)
        #expect(try second.claim(partition))
    }

    @Test func `the owners of partitions are known by the names of their sessions`() async throws {
        let (database, elsewhere) = (try await TestDatabase(), try await TestDatabase())
        let first = database.ledger { $0.applicationName = "coupond one/1" }
        let second = database.ledger { $0.applicationName = "coupond two/2" }
        let other = elsewhere.ledger { $0.applicationName = "coupond three/3" }
        let store = database.store()
        #expect(try store.owners() == [:])
        for (ledger, partition) in [(first, 0), (first, 2), (second, 1), (other, 3)] {
            #expect(try ledger.claim(PartitionID(partition)))
        }
        #expect(
            try store.owners() == [
                PartitionID(0): "coupond one/1", PartitionID(1): "coupond two/2",
                PartitionID(2): "coupond one/1",
            ])
        try first.release(PartitionID(2))
        #expect(try store.owners().count == 2)
    }

    @Test func `members are counted within their database`() async throws {
        let (database, other) = (try await TestDatabase(), try await TestDatabase())
        let (first, second, elsewhere) = (database.ledger(), database.ledger(), other.ledger())
        #expect(try first.joinMembers() == Membership(rank: 0, count: 1))
        let ranks = try [second, first].map { try $0.joinMembers() }
        #expect(ranks.allSatisfy { $0.count == 2 } && Set(ranks.map(\.rank)) == [0, 1])
        #expect(try [second, first].map { try $0.joinMembers() } == ranks)
        #expect(try elsewhere.joinMembers() == Membership(rank: 0, count: 1))
    }

    @Test func `members know what the others offer, and what has a taker`() async throws {
        let (database, elsewhere) = (try await TestDatabase(), try await TestDatabase())
        let (first, second, third) = (database.ledger(), database.ledger(), database.ledger())
        let two = PartitionID(2)
        for ledger in [first, first, second] { #expect(try ledger.lock(.offer, of: partition)) }
        #expect(try second.lock(.taker, of: two) && second.lock(.taker, of: two))
        #expect(try !third.lock(.taker, of: two), "a partition has one taker")
        #expect(try first.joinMembers().offered == [partition])
        #expect(try first.joinMembers().taken == [two])
        #expect(try second.joinMembers().taken == [])
        #expect(try third.claim(partition), "an offer is not an owner's lock")
        #expect(try elsewhere.ledger().joinMembers() == Membership(rank: 0, count: 1))
        try first.unlock(.offer, of: partition)
        try first.unlock(.offer, of: partition)
        #expect(try second.joinMembers().offered == [])
        #expect(try third.joinMembers().offered == [partition])
        try second.unlock(.taker, of: two)
        #expect(try third.lock(.taker, of: two))
    }

    @Test func `offers end with their session`() async throws {
        let database = try await TestDatabase()
        let silent = database.ledger { $0.idleTimeoutMilliseconds = 200 }
        let other = database.ledger()
        for kind in HandoverLock.allCases { #expect(try silent.lock(kind, of: partition)) }
        #expect(try other.joinMembers().offered == [partition])
        try await eventually("the session has ended") {
            let members = try other.joinMembers()
            return members.offered.isEmpty && members.taken.isEmpty
        }
        expectSessionLost { try silent.ping() }
        #expect(try silent.lock(.offer, of: partition), "it is locked again, not remembered")
        #expect(try other.joinMembers().offered == [partition])
    }

    @Test func `a silent session loses its locks`() async throws {
        let database = try await TestDatabase()
        let silent = database.ledger { $0.idleTimeoutMilliseconds = 200 }
        let other = database.ledger()
        #expect(try silent.claim(partition))
        #expect(try silent.joinMembers().count == 1)
        try await eventually("the lock is free") { try other.claim(partition) }
        #expect(silent.isConnected)
        expectSessionLost { try silent.ping() }
        #expect(!silent.isConnected)
        #expect(try !silent.claim(partition))
        #expect(try other.joinMembers().count == 1)
    }

    /// PostgreSQL's own timeouts do not apply to a client that is silent within a COPY. A lane that only
    /// borrows partitions has no member lock.
    @Test(arguments: [AdvisoryLock.member, AdvisoryLock.owner])
    func `a session that is silent within a COPY loses its locks`(_ first: Int64) async throws {
        let database = try await TestDatabase()
        let silent = try database.server.startSilentClient(
            [
                "SET statement_timeout = 500", "SET idle_session_timeout = 500",
                "SET idle_in_transaction_session_timeout = 500",
                "SELECT pg_advisory_lock(\(first), 7)",
                "SELECT pg_advisory_lock(\(AdvisoryLock.owner), \(partition.rawValue))",
                "BEGIN", "SELECT FROM coupond.partition FOR UPDATE", CopiedIssues.sql,
            ], on: database.options.connection)
        try await eventually("it stands within its COPY") {
            try database.sql(
                """
                SELECT count(*) FROM pg_stat_activity
                WHERE query LIKE 'COPY%' AND wait_event = 'ClientRead'
                    AND datname = current_database()
                """) == "1"
        }
        // This is read by SQL, because a question to a ledger may already end the session on a busy machine.
        #expect(
            try database.sql(
                """
                SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted
                    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                """) == "2")
        let other = database.ledger()
        try await eventually("it is not a member any more, and owns nothing") {
            try other.joinMembers().count == 1 && other.claim(partition)
        }
        withExtendedLifetime(silent) {}
    }

    /// A session that was lost owns nothing, even if the lock is free again.
    @Test func `a new session owns nothing`() async throws {
        let database = try await TestDatabase()
        let (ledger, other) = (database.ledger(), database.ledger())
        #expect(try ledger.claim(partition))
        #expect(try ledger.joinMembers().count == 1)
        try database.terminateSessions()
        expectSessionLost { _ = try ledger.joinMembers() }
        #expect(try ledger.joinMembers().count == 1)
        #expect(try other.claim(partition))
        #expect(try !ledger.claim(partition))
        #expect(try ledger.joinMembers().count == 1)
    }
}
