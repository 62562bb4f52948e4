import TestWorld
import Testing

@testable import volume

@Suite struct ReportTests {
    private static let theCase = Case(
        "big-coupon", goals: [.seconds("open", atMost: 10), .sessionsLost]
    ) { _, _ in }

    private func report(
        isSmall: Bool = false, _ figures: Figures, failure: String? = nil
    ) -> Report {
        let outcome = CaseResult(
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
        #expect(words.last == "volume: 1 cases in 5 s, 0 did not reach their end")
    }

    @Test func `a run whose cases take too long together is not good`() {
        var report = report(["open": 3, "sessions_lost": 0])
        for (atMost, isGood) in [(4.0, false), (5, true)] {
            report.atMost = atMost
            #expect(report.isGood == isGood)
        }
        #expect(report.table.last?.contains("in 5 s, which is not more than 5 s") == true)
    }

    @Test func `a failed case reports what it had measured`() {
        let report = report(["open": 12.34], failure: "all are issued did not hold")
        let line = report.line(of: report.outcomes[0])
        #expect(line.hasSuffix("open 12.3 s, FAILED: all are issued did not hold"))
    }
}
