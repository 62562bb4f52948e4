import Testing

@testable import volume

@Suite struct GoalTests {
    @Test func `a figure that was not reached misses its goal, also in a small run`() {
        for isSmall in [false, true] {
            let goal = Goal.seconds("open", atMost: 10)
            #expect(goal.verdict(of: nil, isSmall: isSmall) == .missed)
        }
    }

    @Test func `a figure equal to its bound meets the goal`() {
        let (most, least) = (
            Goal.count("keys", .atMost(2)), Goal.count("admitted", .atLeast(2))
        )
        for (figure, isLow) in [(1.0, true), (2.0, true), (2.01, false)] {
            #expect((most.verdict(of: figure, isSmall: false) == .met) == isLow)
        }
        for (figure, isHigh) in [(1.99, false), (2.0, true), (3.0, true)] {
            #expect((least.verdict(of: figure, isSmall: false) == .met) == isHigh)
        }
    }

    @Test func `a small run judges counts, but not times`() {
        #expect(Goal.seconds("open", atMost: 1).verdict(of: 2, isSmall: true) == .unjudged)
        #expect(Goal.sessionsLost.verdict(of: 2, isSmall: true) == .missed)
    }
}

@Suite struct ReportTests {
    private static let theCase = Case(
        "big-coupon", goals: [.seconds("open", atMost: 10), .sessionsLost]
    ) { _, _ in }

    private func report(
        isSmall: Bool = false, _ figures: Figures, failure: String? = nil
    ) -> Report {
        let outcome = Outcome(
            theCase: Self.theCase, daemons: 3, figures: figures, failure: failure, seconds: 5)
        return Report(isSmall: isSmall, outcomes: [outcome])
    }

    @Test func `a run is good if every case reached its end and no goal was missed`() {
        #expect(report(["open": 3, "sessions_lost": 0]).isGood)
        #expect(!report(["open": 30, "sessions_lost": 0]).isGood)
        #expect(report(isSmall: true, ["open": 30, "sessions_lost": 0]).isGood)
        #expect(!report(isSmall: true, ["open": 3, "sessions_lost": 1]).isGood)
        #expect(!report(["open": 3, "sessions_lost": 0], failure: "no end").isGood)
    }

    @Test func `a line of the table has key, daemons, figure, goal and verdict`() {
        let table = report(["open": 12.34]).table
        let words = table.map { $0.split(separator: " ").joined(separator: " ") }
        #expect(words.contains("big_coupon_open 3 12.3 ≤ 10 s NOT met"))
        #expect(words.contains("big_coupon_sessions_lost 3 - ≤ 0 NOT met"))
    }

    @Test func `a failed case reports what it had measured`() {
        let report = report(["open": 12.34], failure: "all are issued did not hold")
        let line = report.line(of: report.outcomes[0])
        #expect(line.hasSuffix("open 12.3 s, FAILED: all are issued did not hold"))
    }
}

@Suite struct LatencyTests {
    @Test func `a percentile is the nearest rank`() {
        var latencies = Latencies()
        #expect(latencies.percentile(99) == nil)
        for value in (1...200).reversed() { latencies.add(Double(value)) }
        #expect(latencies.percentile(99) == 198)
        #expect(latencies.percentile(50) == 100)
        #expect(latencies.percentile(100) == 200)
        #expect(latencies.percentile(0) == 1)
        #expect(latencies.longest == 200)
    }
}
