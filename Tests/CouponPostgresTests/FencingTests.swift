import CouponCore
import CouponPostgres
import TestSupport
import Testing

/// Rules 19, 20 and 26: a transaction commits only from the epoch and cursor that it was made for.
@Suite struct FencingTests {
    @Test func `another epoch fences the transaction`() async throws {
        let database = try await TestDatabase()
        try database.coupon()
        let ledger = database.ledger()
        _ = try ledger.raiseEpoch(
            of: partition, above: 0, identity: RedisIdentity(runID: "a", replicationID: "b"))
        #expect(throws: BackendError.postgres(.fenced)) {
            try ledger.issue(batch(entry(1, first: 1, users: [1])))
        }
        #expect(try database.sql("SELECT count(*) FROM coupond.coupon_issue") == "0")
        #expect(ledger.isConnected)
    }

    @Test func `another cursor fences the transaction`() async throws {
        let database = try await TestDatabase()
        try database.coupon()
        let ledger = database.ledger()
        let first = batch(entry(1, first: 1, users: [1]))
        _ = try ledger.issue(first)
        #expect(throws: BackendError.postgres(.fenced)) { try ledger.issue(first) }
        #expect(try database.sql("SELECT issued FROM coupond.coupon") == "1")
    }

    /// Two owners with the same batch: the loser waits for the winner, and commits nothing.
    @Test func `of two owners one commits`() async throws {
        let database = try await TestDatabase()
        try database.coupon()
        let outcomes = await withTaskGroup(of: Result<Int, BackendError>.self) { group in
            for owner in 0..<2 {
                group.addTask {
                    await onItsOwnThread {
                        let ledger = database.ledger { $0.lockTimeoutMilliseconds = 10_000 }
                        let work = batch(
                            entry(1, first: 1, users: 1...500),
                            entry(2, first: 501, users: [1_000 + Int64(owner)]))
                        return Result { () throws(BackendError) in try ledger.issue(work).issued }
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.count { $0 == .failure(.postgres(.fenced)) } == 1)
        // The winner's batch met the total of 100, so that rejections were written as well: by it alone.
        #expect(outcomes.contains(.success(100)))
        #expect(
            try database.sql(
                """
                SELECT (SELECT count(*) FROM coupond.coupon_issue),
                    (SELECT count(*) FROM coupond.issue_rejection)
                """) == "100|401")
    }
}
