/// Limits that only make sense together.
import CouponCore
import Testing

@Suite struct LimitRelationTests {
    @Test func `a full call of a script fits into the arguments of Lua's unpack`() {
        #expect(2 * Limits.requestsPerGateCall + 2 < 8_000)
        #expect(2 * Limits.holdersPerCommand + 2 < 8_000)
        #expect(Limits.couponsPerGateCall <= Limits.requestsPerGateCall)
        #expect(Limits.minimumConcurrentBatch <= Limits.requestsPerGateCall)
    }

    @Test func `what a part may use is no more than the whole`() {
        #expect(Limits.gateCallsInFlightPerCoupon <= Limits.gateCallsInFlight)
        #expect(Limits.backlogPerCoupon <= Limits.backlogPerPartition)
        #expect(Limits.requestsInFlightPerWorker <= Limits.requestsInFlight)
        #expect(Limits.requestsPendingPerCoupon <= Limits.requestsInFlightPerWorker)
        #expect(Limits.waitersPerWorker <= Limits.requestsInFlightPerWorker)
        #expect(Limits.observationConnectionsPerAddress < Limits.observationConnections)
        #expect(2 * Limits.statusesInFlightPerConnection * 32 <= Limits.statusesWaiting)
        #expect(Limits.adminCallsInFlightPerConnection * 8 <= Limits.adminCallsWaiting)
        #expect(Limits.auditsInFlightPerConnection * 8 <= Limits.auditsWaiting)
        #expect(Limits.statusesPerBatch < Limits.statusesWaiting)
        #expect(Limits.watchesInFlightPerConnection < Limits.watchesWaiting)
        #expect(Limits.couponsPerLookup <= Limits.couponsWaitingForLookup)
        #expect(Limits.strangersFrameBytes <= Limits.frameBytes)
        #expect(Limits.partitions <= Limits.maximumPartitions)
        #expect(Limits.issuingLanes <= Limits.maximumIssuingLanes)
    }

    @Test func `a page fits into a frame`() {
        #expect(64 * Limits.issuesPerPage < Limits.frameBytes)
        #expect(Limits.bookmarkBytes + 64 * Limits.eventsPerPage < Limits.frameBytes)
        #expect(Limits.frameBytes <= Limits.messageMemoryBytes)
    }

    @Test func `a wait is longer than what it waits for`() {
        #expect(4 * Limits.beatMilliseconds < Limits.beatTimeoutMilliseconds)
        #expect(Limits.issuingMilliseconds <= Limits.statementMilliseconds)
        #expect(Limits.longestIssuingMilliseconds < Int(Limits.laneTimeoutMilliseconds))
        #expect(Limits.readyAgainMilliseconds < Limits.unreadyMilliseconds)
        #expect(Limits.sliceBesideOthersMilliseconds < Limits.sliceMilliseconds)
        #expect(Limits.maximumWatchMilliseconds < Limits.maximumDeadlineMilliseconds)
    }

    @Test func `numbers that Lua counts stay exact`() {
        #expect(Limits.maximumNumber == 1 << 53)
        #expect(Limits.maximumTotal < Limits.maximumNumber)
    }
}
