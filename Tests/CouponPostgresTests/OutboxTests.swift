import CouponCore
import CouponPostgres
import TestSupport
import Testing

/// A daemon may die between PostgreSQL and the gate: then another daemon sends the change from the outbox.
@Suite struct OutboxTests {
    private let coupon = CouponID(4)

    private func age(_ database: TestDatabase) throws {
        try database.sql(
            "UPDATE coupond.gate_outbox SET added_at = added_at - interval '1 minute'")
    }

    private func notes(_ database: TestDatabase) throws -> String {
        try database.sql("SELECT coupon_id FROM coupond.gate_outbox")
    }

    @Test func `a change is sent to the gate again`() async throws {
        let database = try await TestDatabase()
        try database.coupon()
        let store = database.store()
        _ = try store.update(coupon, CouponChange(total: 200)) { _, _ in true }
        #expect(try !store.resync { _, _ in true }, "too early")
        try age(database)
        var sent: [Int64?] = []
        #expect(
            try store.resync { coupon, row in
                sent.append(coupon.total)
                return row.epoch == 1 && row.id == partition
            })
        #expect(sent == [200])
        #expect(try notes(database) == "")
    }

    @Test func `a change that the gate did not get stays in the outbox`() async throws {
        let database = try await TestDatabase()
        try database.coupon()
        let store = database.store()
        _ = try store.update(coupon, CouponChange(title: "Summer")) { _, _ in true }
        try age(database)
        #expect(try !store.resync { _, _ in false })
        #expect(try notes(database) == "4")
        #expect(try !store.resync { _, _ in true }, "its turn comes again later")
    }

    @Test func `a cap without a commit is in the outbox`() async throws {
        let database = try await TestDatabase()
        try database.coupon()
        let store = database.store()
        let result = try store.update(coupon, CouponChange(total: 50)) { _, _ in false }
        #expect(result == .refusedByGate)
        try age(database)
        var total: Int64?
        #expect(
            try store.resync { coupon, _ in
                total = coupon.total
                return true
            })
        #expect(total == 100)
    }

    @Test func `a coupon that does not exist leaves no outbox row`() async throws {
        let database = try await TestDatabase()
        #expect(
            try database.store().update(coupon, CouponChange(title: "x")) { _, _ in true } == nil)
        #expect(try notes(database) == "")
    }

    @Test func `coupons of partitions that are passed over wait`() async throws {
        let database = try await TestDatabase()
        let store = database.store()
        for id in [4, 5] as [Int64] {
            try database.coupon(id)
            _ = try store.update(CouponID(id), CouponChange(total: 200)) { _, _ in true }
        }
        try age(database)
        var sent: [CouponID] = []
        for expected in [ResyncResult.synced, .nothingDue] {
            let result = try store.resync(
                passing: [partition],
                { coupon, _ in
                    sent.append(coupon.id)
                    return true
                }, deleted: { _, _ in false })
            #expect(result == expected)
        }
        #expect(sent == [CouponID(5)])
        let failed = try store.resync(
            passing: [], { _, _ in false }, deleted: { _, _ in false })
        #expect(failed == .failed(partition, nil))
    }

    @Test func `a step reads one row of the outbox, however many there are`() async throws {
        let database = try await TestDatabase()
        // Rows of coupons that were deleted.
        try database.sql(
            """
            INSERT INTO coupond.gate_outbox (coupon_id, added_at)
            SELECT i, now() - interval '1 minute' FROM generate_series(1, 20000) AS i
            """)
        let count = try await database.reads(of: "gate_outbox") { store in
            for step in 0..<100 {
                // The gate of one partition in four cannot remove them.
                let result = try store.resync(
                    passing: [], { _, _ in false }, deleted: { _, row in row.id != partition })
                #expect(result == (step % 4 == 3 ? .failed(partition, nil) : .synced))
            }
        }
        #expect(count < 1_000)
        #expect(
            try database.sql("SELECT count(*) FROM coupond.gate_outbox WHERE coupon_id <= 100")
                == "25")
    }

    @Test func `a coupon that is changed again and again does not hold up the others`() async throws
    {
        let database = try await TestDatabase()
        func change(upTo coupon: Int) throws {
            try database.sql(
                """
                INSERT INTO coupond.gate_outbox (coupon_id, added_at)
                SELECT i, now() - interval '1 minute' FROM generate_series(1, \(coupon)) AS i
                """)
        }
        let store = database.store()
        var sent: [Int64] = []
        try change(upTo: 3)
        for _ in 0..<4 {
            let result = try store.resync(
                passing: [], { _, _ in false },
                deleted: { coupon, _ in
                    sent.append(coupon.rawValue)
                    return true
                })
            #expect(result == .synced)
            if sent.last == 1 { try change(upTo: 1) }
        }
        #expect(sent == [1, 2, 3, 1])
    }
}
