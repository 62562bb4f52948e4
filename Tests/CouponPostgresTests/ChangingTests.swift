import CouponCore
import CouponPostgres
import TestSupport
import Testing

/// Rules 33 and 34.
@Suite struct ChangingTests {
    private let coupon = CouponID(4)

    private func unasked(_: Coupon, _: PartitionRow) -> Bool {
        Testing.Issue.record("the gate was asked")
        return false
    }

    @Test func `every change raises the version`() async throws {
        let database = try await TestDatabase()
        try database.coupon()
        let store = database.store()
        let changes = [
            CouponChange(state: .paused), CouponChange(state: .active), CouponChange(total: 200),
            CouponChange(total: .some(nil)), CouponChange(title: "Summer"),
            CouponChange(opens: Timestamp(microseconds: 5)),
            CouponChange(closes: Timestamp(microseconds: 9)), CouponChange(state: .closed),
        ]
        for (number, change) in changes.enumerated() {
            guard case .updated(let now) = try store.update(coupon, change, cap: unasked) else {
                Testing.Issue.record("\(change)")
                return
            }
            #expect(now.version == Int64(number) + 2)
            #expect(try store.coupon(coupon) == now)
        }
        let last = try #require(try store.coupon(coupon))
        #expect(last.title == "Summer" && last.total == nil && last.state == .closed)
        #expect(last.window.opens.microseconds == 5 && last.window.closes.microseconds == 9)
        #expect(
            try store.update(coupon, CouponChange(state: .closed), cap: unasked) == .updated(last))
    }

    @Test func `a change that does not fit the coupon is refused`() async throws {
        let database = try await TestDatabase()
        try database.coupon()
        _ = try database.ledger().issue(batch(entry(1, first: 1, users: 1...9)))
        let store = database.store()
        func fault(_ change: CouponChange) throws -> String? {
            guard case .invalid(let text) = try store.update(coupon, change, cap: unasked) else {
                return nil
            }
            return text
        }
        #expect(try fault(CouponChange(total: 8)) == "the total cannot be 8: 9 are issued")
        #expect(try fault(CouponChange(total: 0)) != nil)
        #expect(try fault(CouponChange(closes: Timestamp(microseconds: 0))) != nil)
        #expect(try store.coupon(coupon)?.version == 1)
        _ = try store.update(coupon, CouponChange(state: .closed), cap: unasked)
        #expect(try fault(CouponChange(state: .active)) == "a closed coupon stays closed")
        #expect(try store.update(CouponID(8), CouponChange(title: "x"), cap: unasked) == nil)
    }

    @Test(arguments: [100, nil] as [Int64?]) func `lowering the total caps the gate first`(
        total: Int64?
    ) async throws {
        let database = try await TestDatabase()
        try database.coupon(total: total)
        let store = database.store()
        var asked: [Int64?] = []
        let refused = try store.update(coupon, CouponChange(total: 50)) { coupon, row in
            asked.append(coupon.total)
            #expect(row.id == partition && row.epoch == 1)
            return false
        }
        #expect(refused == .refusedByGate)
        #expect(try store.coupon(coupon)?.total == total)
        let lowered = try store.update(coupon, CouponChange(total: 50)) { coupon, _ in
            asked.append(coupon.total)
            // Both rows are locked: nothing is issued, and no epoch is raised.
            let ledger = database.ledger { $0.lockTimeoutMilliseconds = 50 }
            expectBusy { _ = try ledger.issue(batch(entry(1, first: 1, users: [1]))) }
            expectBusy {
                _ = try ledger.raiseEpoch(
                    of: partition, above: 0, node: node
                )
            }
            #expect(
                (try? database.sql(
                    """
                    SELECT count(*) FROM (
                        SELECT FROM coupond.coupon FOR UPDATE SKIP LOCKED) AS free
                    """)) == "0")
            return true
        }
        #expect(asked == [50, 50])
        guard case .updated(let now) = lowered else {
            Testing.Issue.record("\(String(describing: lowered))")
            return
        }
        #expect(now.total == 50 && now.version == 2)
        #expect(try store.coupon(coupon) == now)
    }
}
