import CouponCore
import TestSupport
import Testing

@testable import CouponPostgres

private let all = AccountsBounds(rows: 100, rejections: 100)

/// The tables' side of the accounts, for the auditor and for `couponctl verify`.
@Suite struct PostgresAccountsTests {
    private let coupon = CouponID(4)

    /// One user cannot be inserted, two have the same sequence, one comes too late.
    private func busy() async throws -> TestDatabase {
        let database = try await TestDatabase()
        try database.coupon(total: 3)
        try database.trigger(
            "IF NEW.user_id = 2 THEN RAISE EXCEPTION 'no' USING ERRCODE = '22003'; END IF;")
        _ = try database.ledger().issue(
            batch(entry(1, first: 5, users: [1, 2]), entry(2, first: 5, users: [3, 4, 5])))
        return database
    }

    @Test func `rows, rejections and dead letters are counted`() async throws {
        let database = try await busy()
        try database.coupon(8, total: nil)
        let accounts = try database.store().accounts(of: [coupon, CouponID(8), CouponID(9)], all)
        #expect(accounts.map(\.coupon.id) == [coupon, CouponID(8)])
        let busy = accounts[0]
        #expect(busy.rows == IssuedRows(count: 3, lowest: 5, highest: 6, repeated: 2))
        #expect(busy.rejected == 1 && busy.deadLettered == 1 && busy.discarded == 0)
        #expect(busy.epoch == 1 && busy.cursor == Position(epoch: 1, n: 2))
        #expect(busy.coupon.issued == 3 && busy.coupon.lastSequence == 7 && busy.lost == 2)
        #expect(busy.isComplete && busy.unreadable == 0)
        #expect(accounts[1].rows == IssuedRows(count: 0, lowest: nil, highest: nil, repeated: 0))
    }

    @Test func `rows beyond the bounds are not counted`() async throws {
        let database = try await busy()
        let few = try database.store().accounts(
            after: CouponID(0), limit: 5, AccountsBounds(rows: 2, rejections: 0))
        #expect(few.count == 1 && few.first?.rows == nil && few.first?.isComplete == false)
        #expect(try database.store().accounts(after: coupon, limit: 5, all) == [])
    }

    @Test func `a dead letter without a user is counted as unreadable`() async throws {
        let database = try await busy()
        try database.sql(
            "INSERT INTO coupond.dead_letter (partition, epoch, n, error) VALUES (0, 1, 9, 'torn')")
        let accounts = try database.store().accounts(of: [coupon], all)
        #expect(accounts.first?.unreadable == 1 && accounts.first?.deadLettered == 1)
    }

    @Test func `rows are counted by user, a slice at a time`() async throws {
        let database = try await busy()
        let store = database.store()
        let first = try store.rows(of: coupon, after: UserID(0), limit: 2)
        #expect(first == RowSlice(count: 2, last: UserID(3), issued: 3))
        let rest = try store.rows(of: coupon, after: UserID(3), limit: 2)
        #expect(rest == RowSlice(count: 1, last: UserID(4), issued: 3))
        let none = try store.rows(of: coupon, after: UserID(4), limit: 2)
        #expect(none == RowSlice(count: 0, last: nil, issued: 3))
    }

    @Test func `missing sequences are found as ranges`() async throws {
        let database = try await busy()
        try database.sql("UPDATE coupond.coupon SET last_sequence = 9")
        #expect(try database.store().missingSequences(of: coupon, limit: 10) == [1...4, 8...9])
    }

    @Test func `a requested resync is due at once, with a version above the gate's`() async throws {
        let database = try await TestDatabase()
        try database.coupon()
        let store = database.store()
        try store.requestResync(coupon, above: nil)
        var sent: [Int64] = []
        func resync() throws -> Bool {
            try store.resync { coupon, _ in
                sent.append(coupon.version)
                return true
            }
        }
        #expect(try resync())
        try store.requestResync(coupon, above: 1)
        try store.requestResync(coupon, above: nil)
        #expect(try resync() && !resync())
        try store.requestResync(coupon, above: 7)
        #expect(try resync())
        try store.requestResync(coupon, above: 3)
        #expect(try resync())
        #expect(sent == [1, 2, 8, 9])
    }

    /// A change, or `resync`, holds the row of the outbox and locks the coupon next.
    @Test func `a requested resync holds no coupon while it waits for the outbox`() async throws {
        let database = try await TestDatabase()
        try database.coupon()
        let patient = database.options.withLongTimeouts
        let partitioning = database.installation.partitioning
        try database.store().requestResync(coupon, above: nil)
        let other = Session(patient, role: .store, logger: quiet)
        _ = try other.run("BEGIN", "SELECT FROM coupond.gate_outbox FOR UPDATE")
        async let isAsked = onItsOwnThread {
            let store = PostgresCouponStore(patient, partitioning: partitioning, logger: quiet)
            return (try? store.requestResync(CouponID(4), above: 7)) != nil
        }
        try await database.waitUntilBlocked()
        #expect(throws: Never.self) {
            _ = try other.run("SELECT FROM coupond.coupon FOR UPDATE NOWAIT")
        }
        _ = try other.run("ROLLBACK")
        #expect(await isAsked)
        #expect(try database.store().coupon(coupon)?.version == 8)
    }
}
