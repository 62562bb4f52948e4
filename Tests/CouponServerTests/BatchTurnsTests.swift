/// Which of two lanes begins a batch.
import CouponCore
import Testing

@testable import CouponServer

private let start = MonotonicTime(nanoseconds: 0)
private let many = Limits.statusesForSecondLane

@Suite struct BatchTurnsTests {
    @Test func `one call wakes one lane, and none if no call waits`() {
        var turns = BatchTurns(lanes: 2)
        let woken = [0, 1, 1].map { turns.wake(waiting: $0, now: start) != nil }
        #expect(woken == [false, true, false])
    }

    @Test func `many calls wake the other lane too, but no third one`() {
        var turns = BatchTurns(lanes: 2)
        let woken = [1, many - 1, many, many].map { turns.wake(waiting: $0, now: start) }
        #expect(woken.map { $0 != nil } == [true, false, true, false])
        #expect(woken[0] != woken[2])
    }

    @Test func `a few calls do not wait for a batch that takes long`() {
        var turns = BatchTurns(lanes: 2)
        let later = start.advanced(byMilliseconds: Limits.statusBatchMilliseconds)
        let woken = [start, later].map { turns.wake(waiting: 1, now: $0) != nil }
        #expect(woken == [true, true])
    }

    @Test func `a lane that has ended leaves a few calls to the other one`() {
        var turns = BatchTurns(lanes: 2)
        let lanes = [1, many].compactMap { turns.wake(waiting: $0, now: start) }
        #expect(lanes.count == 2)
        let goesOn = zip(lanes + lanes.suffix(1), [1, 1, 0]).map { lane, waiting in
            turns.goOn(lane, waiting: waiting, now: start)
        }
        #expect(goesOn == [false, true, false])
        let woken = turns.wake(waiting: 1, now: start)
        #expect(woken != nil, "both are idle")
    }
}
