/// Which of two lanes begins a batch.
import CouponCore
import Testing

@testable import CouponServer

private let start = MonotonicTime(nanoseconds: 0)
private let many = Limits.statusesForSecondLane
private let later = start.advanced(byMilliseconds: Limits.statusBatchMilliseconds)

@Suite struct BatchTurnsTests {
    /// The lane that begins; nil if none does.
    private func lane(_ step: BatchTurns.Step) -> Int? {
        if case .begin(let lane) = step { lane } else { nil }
    }

    @Test func `one call wakes one lane, and none if no call waits`() {
        var turns = BatchTurns(lanes: 2)
        let woken = [0, 1, 1].map { lane(turns.wake(waiting: $0, now: start)) != nil }
        #expect(woken == [false, true, false])
    }

    @Test func `many calls wake the other lane too, but no third one`() {
        var turns = BatchTurns(lanes: 2)
        let woken = [1, many - 1, many, many].map { lane(turns.wake(waiting: $0, now: start)) }
        #expect(woken.map { $0 != nil } == [true, false, true, false])
        #expect(woken[0] != woken[2])
    }

    @Test func `a few calls do not wait for a batch that takes long`() {
        var turns = BatchTurns(lanes: 2)
        let woken = [start, later].map { lane(turns.wake(waiting: 1, now: $0)) != nil }
        #expect(woken == [true, true])
    }

    @Test func `a lane that has ended leaves a few calls to the other one`() {
        var turns = BatchTurns(lanes: 2)
        let lanes = [1, many].compactMap { lane(turns.wake(waiting: $0, now: start)) }
        #expect(lanes.count == 2)
        let goesOn = zip(lanes + lanes.suffix(1), [1, 1, 0]).map { number, waiting in
            lane(turns.goOn(number, waiting: waiting, now: start)) != nil
        }
        #expect(goesOn == [false, true, false])
        let woken = lane(turns.wake(waiting: 1, now: start))
        #expect(woken != nil, "both are idle")
    }

    @Test func `a few calls that wait for a lane that hangs are taken by the other lane later`() {
        var turns = BatchTurns(lanes: 2)
        let busy = lane(turns.wake(waiting: 1, now: start))
        let waits = [1, 2].map { turns.wake(waiting: $0, now: start) }
        #expect(waits == [.wait, .nothing])
        let again = turns.lookAgain(waiting: 2, now: later)
        #expect(lane(again) != nil && lane(again) != busy)
    }

    @Test func `calls that a lane has left to one that hangs are taken back later`() {
        var turns = BatchTurns(lanes: 2)
        let lanes = [1, many].compactMap { lane(turns.wake(waiting: $0, now: start)) }
        let none = turns.wake(waiting: 1, now: start)
        #expect(none == .nothing, "no lane is idle")
        let left = turns.goOn(lanes[1], waiting: 1, now: start)
        #expect(left == .wait)
        let early = turns.lookAgain(waiting: 1, now: start)
        #expect(early == .wait, "again")
        let again = turns.lookAgain(waiting: 1, now: later)
        #expect(again == .begin(lanes[1]))
    }
}
