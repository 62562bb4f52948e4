/// Deadlines are kept to a few milliseconds, near, far or past (promise 9).
import CouponCore
import CoreTestKit
import Testing

/// A wheel as its owner turns it.
private struct Wheel {
    var wheel: DeadlineWheel
    let clock = VirtualClock()
    var deadlines: [UInt64: MonotonicTime] = [:]

    init(spanMilliseconds: Int64 = 200) {
        wheel = DeadlineWheel(spanMilliseconds: spanMilliseconds, now: clock.now)
    }

    mutating func add(_ ticket: UInt64, in milliseconds: Int64) {
        let deadline = clock.now.advanced(byMilliseconds: milliseconds)
        deadlines[ticket] = deadline
        wheel.add(ticket, deadline: deadline)
    }

    /// The tickets that are due now.
    mutating func turn() -> [UInt64] {
        var due: [UInt64] = []
        for ticket in wheel.advance(now: clock.now) {
            guard let deadline = deadlines[ticket] else { continue }
            if deadline <= clock.now {
                due.append(ticket)
                deadlines[ticket] = nil
            } else {
                wheel.add(ticket, deadline: deadline)
            }
        }
        return due
    }
}

@Suite struct DeadlineWheelTests {
    @Test(arguments: [1, 8, 50] as [Int64])
    func `no ticket comes early or more than two buckets late`(_ step: Int64) {
        var random = SplitMix64(seed: UInt64(step))
        var wheel = Wheel()
        var next: UInt64 = 0
        for round in 0..<2_000 {
            if round < 1_500 {
                next += 1
                wheel.add(next, in: Int64.random(in: -5...2_000, using: &random))
            }
            wheel.clock.advance(milliseconds: step)
            let before = wheel.deadlines
            for ticket in wheel.turn() {
                let late = before[ticket].map { wheel.clock.now.milliseconds(since: $0) } ?? -1
                #expect((0...16 + max(step, 5)).contains(late), "\(late) ms")
            }
            for (_, deadline) in wheel.deadlines {
                #expect(wheel.clock.now.milliseconds(since: deadline) <= 16)
            }
            if wheel.deadlines.isEmpty && round > 1_500 { break }
        }
    }

    @Test func `a deadline set after a long silence is kept`() {
        var wheel = Wheel()
        for silence in [100, 10_000, 3_600_000, 86_400_000] as [Int64] {
            wheel.clock.advance(milliseconds: silence)
            wheel.add(1, in: 100)
            wheel.clock.advance(milliseconds: 8)
            #expect(wheel.turn() == [], "after \(silence) ms of silence")
            wheel.clock.advance(milliseconds: 84)
            #expect(wheel.turn() == [])
            wheel.clock.advance(milliseconds: 16)
            #expect(wheel.turn() == [1])
        }
    }

    @Test func `an answered ticket is forgotten within the span, however far its deadline`() {
        var wheel = Wheel()
        for ticket in 0..<100 { wheel.add(UInt64(ticket), in: 60_000) }
        wheel.deadlines.removeAll()
        #expect(wheel.wheel.count == 100)
        wheel.clock.advance(milliseconds: 224)
        #expect(wheel.turn() == [])
        #expect(wheel.wheel.count == 0)
    }

    @Test func `a far deadline comes round until it is due`() {
        var wheel = Wheel()
        wheel.add(1, in: 60_000)
        for _ in 0..<7_499 {
            wheel.clock.advance(milliseconds: 8)
            #expect(wheel.turn() == [])
        }
        wheel.clock.advance(milliseconds: 24)
        #expect(wheel.turn() == [1])
    }
}
