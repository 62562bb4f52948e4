/// What a worker holds is bounded, whatever is asked and however long an outage takes.
import CoreTestKit
import Testing

@testable import CouponCore

private let first = Position(epoch: 1, n: 1)

@Suite struct WorkerLimitTests {
    @Test func `requests for one coupon that wait are limited`() {
        let stage = WorkerStage()
        var last: UInt64 = 0
        for user in 0...Limits.requestsPendingPerCoupon {
            last = stage.issue(user: Int64(user + 1))
        }
        #expect(stage.failure(last)?.code == .resourceExhausted)
        #expect(stage.end(last - 1) == nil)
    }

    @Test func `expired waiters for ISSUED do not pile up while PostgreSQL is away`() {
        let stage = WorkerStage()
        stage.worker.receive(.down("gone"))
        for round in 0..<40 {
            for user in 1...100 {
                stage.issue(user: Int64(user), attempt: 1, waits: true, deadline: 8)
            }
            stage.endTurn()
            stage.reply((1...100).map { .replayed(sequence: $0, position: first) })
            stage.pass(milliseconds: 24)
            stage.worker.didDecide(nil, in: stage.partition)
            #expect(stage.worker.requestsInFlight == 0)
            #expect(stage.worker.waiters.count <= 2_200, "round \(round)")
        }
    }
}
