import CouponCore
import CouponPostgres
import TestSupport
import Testing

@Suite struct PostgresIssuingTests {
    @Test func `requests are issued in order`() async throws {
        let database = try await TestDatabase()
        let coupon = try database.coupon()
        let commit = try database.ledger().issue(
            batch(entry(1, first: 1, users: [30, 10]), entry(2, first: 3, users: [20])))
        #expect(commit.issued == 3)
        #expect(commit.rejections.isEmpty)
        #expect(commit.coupons.map(\.requests) == [3])
        let rows = """
            SELECT user_id, sequence, encode(request_id, 'hex'),
                extract(epoch FROM accepted_at)::numeric(20, 6),
                count(*) OVER (PARTITION BY issued_at)
            FROM coupond.coupon_issue ORDER BY sequence
            """
        #expect(
            try database.sql(rows) == """
                30|1|000000000000001e0000000000000007|1700000000.123456|3
                10|2|000000000000000a0000000000000007|1700000000.123456|3
                20|3|00000000000000140000000000000007|1700000000.123456|3
                """)
        let stored = try #require(try database.store().coupon(coupon))
        #expect(stored == commit.coupons[0].coupon)
        #expect(stored.issued == 3 && stored.lastSequence == 3 && stored.version == 1)
        #expect(
            try database.store().standing(of: UserID(30), for: coupon)
                == .issued(
                    sequence: 1, requestID: id(30),
                    at: commit.issuedAt))
        #expect(try database.ledger().partition(partition).cursor == Position(epoch: 1, n: 2))
    }

    @Test func `no more than the total is issued`() async throws {
        let database = try await TestDatabase()
        let coupon = try database.coupon(total: 3)
        let ledger = database.ledger()
        let commit = try ledger.issue(batch(entry(1, first: 1, users: 1...5)))
        #expect(commit.issued == 3)
        #expect(commit.rejections.map(\.accepted.user.rawValue) == [4, 5])
        #expect(commit.rejections.allSatisfy { $0.reason == .soldOut })
        let stored = try #require(try database.store().coupon(coupon))
        #expect(stored.isSoldOut && stored.version == 2 && stored.lastSequence == 5)
        #expect(
            try ledger.rejections(
                in: partition, after: .zero, upTo: Position(epoch: 1, n: 1)) == commit.rejections)
        #expect(
            try ledger.rejections(
                in: partition, after: Position(epoch: 1, n: 1), upTo: Position(epoch: 9, n: 1)
            ).isEmpty)
    }

    @Test func `one batch issues five thousand requests of an unlimited coupon`() async throws {
        let database = try await TestDatabase()
        try database.coupon(total: nil)
        let commit = try database.ledger().issue(batch(entry(1, first: 1, users: 1...5_000)))
        #expect(commit.issued == 5_000)
        #expect(try database.sql("SELECT count(*) FROM coupond.coupon_issue") == "5000")
    }

    @Test func `one batch issues several coupons`() async throws {
        let database = try await TestDatabase()
        try database.coupon(4)
        try database.coupon(8, total: 1)
        let commit = try database.ledger().issue(
            batch(
                entry(1, coupon: 8, first: 1, users: [1, 2]),
                entry(2, coupon: 4, first: 1, users: [1]),
                entry(3, coupon: 12, first: 1, users: [5])))
        #expect(commit.issued == 2)
        #expect(commit.coupons.map(\.id.rawValue) == [8, 4, 12])
        #expect(commit.coupons[2].coupon == nil && commit.coupons[2].requests == 1)
        #expect(Set(commit.rejections.map(\.reason)) == [.soldOut, .notFound])
    }

    @Test func `a batch without items moves the cursor`() async throws {
        let database = try await TestDatabase()
        let ledger = database.ledger()
        let raised = try ledger.raiseEpoch(
            of: partition, above: 6, node: node)
        #expect(raised.epoch == 7 && raised.cursor == Position(epoch: 1, n: 0))
        #expect(try raised == ledger.partition(partition))
        let to = Position(epoch: 7, n: 0)
        let commit = try ledger.issue(
            Batch(
                partition: partition, epoch: 7, from: Position(epoch: 1, n: 0), to: to, items: []))
        #expect(commit == Commit(coupons: [], rejections: [], issued: 0))
        let row = try ledger.partition(partition)
        #expect(row.cursor == to && row.epoch == 7)
        #expect(row.identity == RedisIdentity(runID: "a", replicationID: "b"))
        #expect(row.installID == database.installation.id)
    }

    @Test func `a repeated request is issued once`() async throws {
        let database = try await TestDatabase()
        try database.coupon(total: 3)
        let ledger = database.ledger()
        _ = try ledger.issue(batch(entry(1, first: 1, users: [1, 2])))
        try database.sql("UPDATE coupond.partition SET cursor_n = 0")
        let commit = try ledger.issue(
            batch(entry(1, first: 1, users: [1, 2]), entry(2, first: 3, users: [3])))
        #expect(commit.issued == 1)
        #expect(commit.rejections.isEmpty)
        #expect(commit.coupons[0].coupon?.issued == 3)
    }

    /// A user who has the coupon through another request leaves the place to the next in line.
    @Test func `another request of a holder is rejected`() async throws {
        let database = try await TestDatabase()
        try database.coupon(total: 3)
        let ledger = database.ledger()
        _ = try ledger.issue(batch(entry(1, first: 1, users: [1])))
        let commit = try ledger.issue(batch(entry(2, first: 9, users: [1, 2, 3, 4]), from: 1))
        #expect(commit.issued == 2)
        let first = AcceptedRequest(
            coupon: CouponID(4), user: UserID(1), sequence: 1, requestID: id(1))
        #expect(commit.rejections.map(\.reason) == [.alreadyIssued, .soldOut])
        #expect(commit.rejections.map(\.issued) == [first, nil])
        #expect(
            try ledger.rejections(
                in: partition, after: Position(epoch: 1, n: 1), upTo: Position(epoch: 1, n: 2))
                == commit.rejections)
        #expect(try database.sql("SELECT issued FROM coupond.coupon") == "3")
    }

    @Test func `a user who is in a batch twice is issued once`() async throws {
        let database = try await TestDatabase()
        try database.coupon()
        let commit = try database.ledger().issue(
            batch(entry(1, first: 1, users: [1, 2]), entry(2, first: 3, users: [2, 3])))
        #expect(commit.issued == 3)
        #expect(commit.rejections.map(\.accepted.sequence) == [3])
        #expect(commit.rejections.map(\.issued?.sequence) == [2])
        #expect(
            try database.sql("SELECT count(*), sum(sequence) FROM coupond.coupon_issue") == "3|7")
    }

    @Test func `damaged entries become dead letters`() async throws {
        let database = try await TestDatabase()
        try database.coupon()
        let holder = AcceptedRequest(
            coupon: CouponID(4), user: UserID(7), sequence: 2, requestID: id(7))
        let commit = try database.ledger().issue(
            batch(
                entry(1, first: 1, users: [1]),
                .damaged(
                    DamagedEntry(
                        position: Position(epoch: 1, n: 2), bytes: [0, 255], reason: "short",
                        holders: [holder])),
                .damaged(
                    DamagedEntry(
                        position: Position(epoch: 1, n: 3), bytes: [], reason: "empty", holders: [])
                )
            ))
        #expect(commit.issued == 1)
        #expect(commit.rejections.map(\.accepted) == [holder])
        #expect(
            try database.sql(
                "SELECT n, user_id, sequence, bytes, error, state FROM coupond.dead_letter ORDER BY n"
            )
                == "2|7|2|\\x00ff|short|1\n3|||\\x|empty|1")
        #expect(try database.store().marks(of: [CouponID(4)]).first?.used == 2)
    }
}
