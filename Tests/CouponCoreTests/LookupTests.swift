import CouponCore
import CoreTestKit
import Testing

/// Ids that may not exist: how many questions they cost.
@Suite struct LookupTests {
    /// Asks for a coupon that the gate does not hold.
    private func miss(_ id: Int64, _ stage: WorkerStage) -> UInt64 {
        let request = stage.issue(CouponID(id))
        stage.endTurn()
        stage.miss()
        return request
    }

    @Test
    func `a flood of unknown ids costs few lookups, and delays no coupon for long`() {
        let stage = WorkerStage()
        let first = miss(1, stage)
        #expect(stage.host.lookups == [[CouponID(1)]])
        let flood = (2...Int64(Limits.couponsWaitingForLookup)).map { miss($0, stage) }
        let real = miss(1_000_001, stage)
        let late = miss(1_000_002, stage)
        #expect(stage.host.lookups.count == 1, "one question at a time")
        #expect(stage.failure(late)?.code == .resourceExhausted)
        #expect(stage.failure(late)?.retryAfterMilliseconds != nil)
        while stage.host.loads.isEmpty, stage.host.lookups.count < 100 {
            stage.find(CouponID(1_000_001))
        }
        #expect(stage.host.loads == [CouponID(1_000_001)])
        #expect(stage.host.lookups.count == 1 + (Limits.couponsWaitingForLookup + 999) / 1_000)
        #expect(stage.host.lookups.allSatisfy { $0.count <= Limits.couponsPerLookup })
        #expect(([first] + flood).allSatisfy { stage.outcome($0) == .notFound })
        #expect(stage.end(real) == nil)
        let again = miss(1_000_002, stage)
        stage.find()
        #expect(stage.outcome(again) == .notFound, "it passes by itself")
    }

    @Test func `a coupon that is created while it is looked up is looked up again`() {
        let stage = WorkerStage()
        let (request, other) = (miss(1, stage), miss(2, stage))
        stage.worker.forget(CouponID(1))
        stage.find()
        #expect(stage.end(request) == nil, "the answer is from before")
        #expect(stage.host.lookups == [[CouponID(1)], [CouponID(2), CouponID(1)]])
        stage.find(CouponID(1))
        #expect(stage.host.loads == [CouponID(1)])
        #expect(stage.outcome(other) == .notFound)
    }
}
