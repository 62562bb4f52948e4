/// Which threads the watchdog finds standing still.
import CouponCore
import Testing

@testable import CouponServer

@Suite struct StuckThreadsTests {
    private let now = MonotonicTime(nanoseconds: 10_000_000_000_000)

    private func names(
        scheduler: Int64? = 0, events: Int64? = 0, lanes: [(Lane, Int64?)] = []
    ) -> [String] {
        func ago(_ seconds: Int64?) -> MonotonicTime? {
            seconds.map { now.advanced(byMilliseconds: -1_000 * $0) }
        }
        return StuckThreads(
            threads: [("scheduler", ago(scheduler)), ("events", ago(events))],
            lanes: lanes.map { ($0.0, ago($0.1)) }, period: .seconds(15), now: now
        ).names
    }

    @Test func `a thread that does not run, or moved a moment ago, does not stand still`() {
        #expect(names(scheduler: nil, events: nil, lanes: [(.news, nil)]) == [])
        #expect(names(scheduler: 120, events: 120, lanes: [(.news, 120), (.admin, 1_200)]) == [])
    }

    @Test func `each thread that stands still is named`() {
        #expect(names(scheduler: 121) == ["scheduler"])
        #expect(names(events: 121) == ["events"])
        for lane in [Lane.news, .lookups, .loads, .statuses] {
            #expect(names(lanes: [(lane, 121)]) == ["lane \(lane)"])
        }
        for lane in [Lane.admin, .resync, .audits] {
            #expect(names(lanes: [(lane, 121)]) == [])
            #expect(names(lanes: [(lane, 1_201)]) == ["lane \(lane)"])
        }
    }
}
