/// What becomes of a closed coupon (rule 55).
import CouponCore
import CouponPostgres
import Foundation
import TestSupport
import Testing

@Suite struct PostgresCouponLifeTests {
    private let coupon = CouponID(4)
    private let closing = CouponChange(state: .closed)

    /// A database with a closed coupon.
    private func closed() async throws -> TestDatabase {
        let database = try await TestDatabase()
        try database.coupon()
        _ = try database.store().update(coupon, closing) { _, _ in false }
        return database
    }

    @Test func `the id of a deleted coupon is never used again`() async throws {
        let database = try await closed()
        let store = database.store()
        var asked: [Int64] = []
        let result = try store.delete(coupon, by: anyCall) { coupon, row in
            asked.append(coupon.version)
            return row.id == partition && row.epoch == 1
        }
        guard case .updated(let deleted) = result else {
            Testing.Issue.record("\(String(describing: result))")
            return
        }
        #expect(asked == [2] && deleted.version == 2 && deleted.state == .closed)
        #expect(try store.coupon(coupon) == nil)
        #expect(try store.coupons(after: CouponID(0), limit: 9) == [])
        #expect(try !store.create(.sample()))
        #expect(throws: (any Error).self) {
            try database.sql(
                """
                INSERT INTO coupond.coupon (id, title, opens_at, closes_at, state, version)
                VALUES (4, 't', '1970-01-01', '1970-01-02', 1, 1)
                """)
        }
        #expect(try store.delete(coupon, by: anyCall) { _, _ in true } == nil)
        #expect(try store.update(coupon, closing) { _, _ in true } == nil)
        #expect(
            try database.sql(
                """
                SELECT method, before ->> 'title', after FROM coupond.admin_action
                ORDER BY id DESC LIMIT 1
                """) == "update_coupon|Spring|")
        #expect(
            try database.sql(
                """
                SELECT other_kinds, other_coupon_ids, other_numbers FROM coupond.commit_log
                ORDER BY number DESC LIMIT 1
                """) == "{4}|{4}|{3}")
    }

    @Test func `the gate is asked once more about a coupon that was deleted`() async throws {
        let database = try await closed()
        let store = database.store()
        _ = try store.delete(coupon, by: anyCall) { _, _ in true }
        try database.sql("UPDATE coupond.gate_outbox SET added_at = now() - interval '1 minute'")
        var asked: [CouponID] = []
        for isRemoved in [false, true] {
            try database.sql("UPDATE coupond.gate_outbox SET added_at = now() - interval '1 hour'")
            let result = try store.resync(passing: [], { _, _ in false }) { coupon, row in
                asked.append(coupon)
                return isRemoved && row.id == partition
            }
            #expect(result == (isRemoved ? .synced : .failed(partition, nil)))
        }
        #expect(asked == [coupon, coupon])
        #expect(try database.sql("SELECT count(*) FROM coupond.gate_outbox") == "0")
    }

    /// Rows, each of which keeps its coupon from being deleted.
    private static let rows = [
        """
        INSERT INTO coupond.coupon_issue VALUES (4, 1, 1, now(), now(), '')
        """,
        """
        INSERT INTO coupond.issue_rejection
            (partition, epoch, n, sequence, coupon_id, user_id, reason, request_id)
        VALUES (0, 1, 1, 1, 4, 1, 1, '')
        """,
        """
        INSERT INTO coupond.dead_letter
            (partition, epoch, n, coupon_id, user_id, sequence, request_id, error, state)
        VALUES (0, 1, 1, 4, 1, 1, '', 'no', 3)
        """,
        "UPDATE coupond.coupon SET last_sequence = 1",
        "UPDATE coupond.coupon SET issued = 1",
    ]

    @Test(arguments: rows) func `a coupon stays if a request for it was decided`(
        row: String
    ) async throws {
        let database = try await closed()
        try database.sql(row)
        let result = try database.store().delete(coupon, by: anyCall) { _, _ in
            Testing.Issue.record("the gate was asked")
            return true
        }
        #expect(
            result == .invalid("requests for it were decided, and are kept: archive it instead"))
        #expect(try database.sql("SELECT count(*) FROM coupond.coupon") == "1")
        #expect(try database.sql("SELECT count(*) FROM coupond.deleted_coupon") == "0")
    }

    @Test func `a coupon stays if it is not closed, or if the gate refuses`() async throws {
        let database = try await TestDatabase()
        try database.coupon()
        let store = database.store()
        let open = try store.delete(coupon, by: anyCall) { _, _ in true }
        #expect(open == .invalid("only a closed coupon can be deleted"))
        _ = try store.update(coupon, closing) { _, _ in true }
        #expect(try store.delete(coupon, by: anyCall) { _, _ in false } == .refusedByGate)
        #expect(try store.coupon(coupon)?.state == .closed)
        #expect(try database.sql("SELECT count(*) FROM coupond.deleted_coupon") == "0")
        #expect(try store.delete(CouponID(8), by: anyCall) { _, _ in true } == nil)
    }

    /// The statement that creates the coupon has begun before the deletion is committed.
    @Test func `a coupon that is created while its id is deleted is refused`() async throws {
        let database = try await closed()
        let isDeleted = DispatchSemaphore(value: 0)
        let patient = database.options.withLongTimeouts
        let partitioning = database.installation.partitioning
        async let created = onItsOwnThread {
            isDeleted.wait()
            let store = PostgresCouponStore(patient, partitioning: partitioning, logger: quiet)
            return Result { () throws(BackendError) in try store.create(.sample()) }
        }
        let deleted = await onItsOwnThread {
            let store = PostgresCouponStore(patient, partitioning: partitioning, logger: quiet)
            return Result { () throws(BackendError) in
                try store.delete(coupon, by: anyCall) { _, _ in
                    isDeleted.signal()
                    let end = ContinuousClock.now + .seconds(600)
                    while ContinuousClock.now < end {
                        if (try? database.hasBlockedSession()) == true { return true }
                    }
                    return false
                }
            }
        }
        guard case .updated = try deleted.get() else {
            Testing.Issue.record("\(deleted)")
            return
        }
        #expect(try await !created.get())
        #expect(try database.sql("SELECT count(*) FROM coupond.coupon") == "0")
    }

    @Test func `an archived coupon keeps its rows and is in its own list only`() async throws {
        let database = try await TestDatabase()
        try database.coupon()
        try database.coupon(8)
        _ = try database.ledger().issue(batch(entry(1, first: 1, users: 1...3)))
        let store = database.store()
        _ = try store.update(coupon, closing) { _, _ in true }
        var asked: [Int64] = []
        let refused = try store.update(coupon, CouponChange(isArchived: true)) { coupon, _ in
            asked.append(coupon.version)
            return false
        }
        #expect(refused == .refusedByGate && asked == [3])
        _ = try store.update(coupon, CouponChange(isArchived: true)) { _, _ in true }
        let archived = try #require(try store.coupon(coupon))
        #expect(archived.isArchived && archived.version == 3 && archived.issued == 3)
        let zero = CouponID(0)
        #expect(try store.coupons(after: zero, limit: 9).map(\.id) == [CouponID(8)])
        #expect(try store.coupons(after: zero, limit: 9, archived: true) == [archived])
        #expect(try store.issues(of: coupon, after: UserID(0), limit: 9).count == 3)
        let bounds = AccountsBounds(rows: 9, rejections: 9)
        #expect(
            try store.accounts(after: zero, limit: 9, bounds).map(\.coupon.id) == [CouponID(8)])
        #expect(try store.accounts(of: [coupon], bounds).first?.rows?.count == 3)

        let unasked = { (_: Coupon, _: PartitionRow) -> Bool in
            Testing.Issue.record("the gate was asked")
            return false
        }
        let again = try store.update(coupon, CouponChange(isArchived: true), cap: unasked)
        #expect(again == .updated(archived))
        let raised = try store.update(coupon, CouponChange(total: 500), cap: unasked)
        #expect(raised == .invalid("the coupon is archived: unarchive it first"))
        _ = try store.update(coupon, CouponChange(isArchived: false), cap: unasked)
        #expect(try store.coupon(coupon)?.isArchived == false)
        #expect(try store.coupons(after: zero, limit: 9).map(\.id) == [coupon, CouponID(8)])
        let open = try store.update(CouponID(8), CouponChange(isArchived: true), cap: unasked)
        #expect(open == .invalid("only a closed coupon can be archived"))
    }

    @Test func `a list reads only its own kind, and a deletion reads no other coupon`() async throws
    {
        let database = try await closed()
        try database.sql(
            """
            INSERT INTO coupond.coupon
                (id, title, opens_at, closes_at, state, version, archived_at)
            SELECT i, 't', '1970-01-01', '1970-01-02', 3, 1, now()
            FROM generate_series(10, 20000) AS i;
            INSERT INTO coupond.coupon_issue
            SELECT 10, i, i, now(), now(), '' FROM generate_series(1, 20000) AS i;
            ANALYZE coupond.coupon; ANALYZE coupond.coupon_issue
            """)
        let count = try await database.reads(of: "coupon", "coupon_issue") { store in
            #expect(try store.coupons(after: coupon, limit: 100) == [])
            #expect(try store.coupons(after: CouponID(0), limit: 100).count == 1)
            #expect(try store.coupons(after: CouponID(0), limit: 9, archived: true).count == 9)
            let bounds = AccountsBounds(rows: -1, rejections: 10)
            #expect(try store.accounts(after: coupon, limit: 100, bounds).isEmpty)
            guard case .updated = try store.delete(coupon, by: anyCall, remove: { _, _ in true })
            else {
                Testing.Issue.record("it was not deleted")
                return
            }
        }
        #expect(count < 1_000)
    }
}

extension TestDatabase {
    fileprivate func hasBlockedSession() throws -> Bool {
        try sql(
            """
            SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'
            """) != "0"
    }
}
