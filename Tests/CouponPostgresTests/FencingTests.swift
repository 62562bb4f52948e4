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
            of: partition, above: 0, node: node)
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

    @Test func `a Redis of a lower term gets no epoch`() async throws {
        let database = try await TestDatabase()
        let ledger = database.ledger()
        func other(term: UInt64) -> RedisNodeState {
            RedisNodeState(
                identity: RedisIdentity(runID: "run\(term)", replicationID: "b"), term: term)
        }
        #expect(try ledger.partition(partition).redisTerm == 0)
        let raised = try ledger.raiseEpoch(of: partition, above: 0, node: other(term: 3))
        #expect(raised.redisTerm == 3)
        for term: UInt64 in [0, 2] {
            #expect(throws: BackendError.postgres(.fenced)) {
                try ledger.raiseEpoch(of: partition, above: 9, node: other(term: term))
            }
        }
        #expect(try ledger.partition(partition) == raised)
        let again = try ledger.raiseEpoch(of: partition, above: 0, node: other(term: 3))
        #expect(again.epoch == raised.epoch + 1 && again.redisTerm == 3)
        let later = try ledger.raiseEpoch(of: partition, above: 0, node: other(term: 4))
        #expect(later.epoch == again.epoch + 1 && later.redisTerm == 4)
        #expect(later.identity?.runID == "run4")
    }

    @Test func `adopting a new Redis forgets the terms, and leaves a line`() async throws {
        let database = try await TestDatabase()
        let (ledger, store) = (database.ledger(), database.store())
        let old = RedisNodeState(identity: node.identity, term: 7)
        let raised = try ledger.raiseEpoch(of: partition, above: 0, node: old)
        let call = AdminCall(principal: "amy", address: "::1", method: "adopt_redis", request: 9)
        #expect(try store.adoptRedis(by: call) == 1)
        let row = try ledger.partition(partition)
        #expect(row.redisTerm == 0 && row.epoch == raised.epoch)
        let line = try #require(try store.trail(of: .all, before: .max, limit: 1).first?.action)
        #expect(line.call == call && line.outcome == "OK")
        #expect(line.before?.contains("\"highest_term\": 7") == true)
        #expect(try store.adoptRedis(by: call) == 0)
        #expect(try ledger.raiseEpoch(of: partition, above: 0, node: node).epoch == row.epoch + 1)
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
        // The winner's batch met the total of 100, so it wrote rejections as well. The loser wrote none.
        #expect(outcomes.contains(.success(100)))
        #expect(
            try database.sql(
                """
                SELECT (SELECT count(*) FROM coupond.coupon_issue),
                    (SELECT count(*) FROM coupond.issue_rejection)
                """) == "100|401")
    }
}
