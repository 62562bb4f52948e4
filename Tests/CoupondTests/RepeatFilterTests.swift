/// Which lines of a flood are written.
import CouponCore
import Logging
import Testing

@testable import coupond

@Suite struct RepeatFilterTests {
    private let start = ContinuousClock.now
    private let over = Duration.milliseconds(Limits.logRepeatMilliseconds)

    private func line(
        _ message: String = "lost", _ value: String = "1", level: Logger.Level = .warning,
        label: String = "coupond"
    ) -> LogLine {
        LogLine(
            level: level, label: label, message: message,
            values: [LogLine.Value(key: "partition", text: value)])
    }

    private func repeated(_ line: LogLine, _ text: String) -> LogLine {
        LogLine(
            level: line.level, label: line.label, message: line.message,
            values: line.values + [LogLine.Value(key: "repeated", text: text)])
    }

    @Test func `a repeated line is written once and counted`() {
        var filter = RepeatFilter()
        #expect(filter.judge(line(), at: start) == [line()])
        #expect(!filter.hasCounted)
        for _ in 1...1_000 { #expect(filter.judge(line(), at: start) == []) }
        #expect(filter.hasCounted)
        #expect(filter.removeCounted(at: start) == [], "it may come again")
        #expect(filter.removeCounted(at: start + over) == [repeated(line(), "1000 times")])
        #expect(!filter.hasCounted)
        #expect(filter.removeCounted(at: start + over) == [])
        #expect(filter.judge(line(), at: start + over) == [line()])
    }

    @Test func `a count is reported before the next line of its kind, and at the end`() {
        var filter = RepeatFilter()
        for _ in 1...3 { _ = filter.judge(line(), at: start) }
        #expect(filter.judge(line(), at: start + over) == [repeated(line(), "2 times"), line()])
        _ = filter.judge(line(), at: start + over)
        #expect(filter.removeCounted(at: nil) == [repeated(line(), "1 times")])
    }

    @Test func `another message, level, logger or value is another line`() {
        var filter = RepeatFilter()
        let lines = [
            line(), line("found"), line(level: .error), line(label: "coupond.gate"),
            line("lost", "2"),
        ]
        for line in lines { #expect(filter.judge(line, at: start) == [line]) }
        for line in lines { #expect(filter.judge(line, at: start) == []) }
        let reports = filter.removeCounted(at: nil)
        #expect(reports.count == lines.count)
        for line in lines { #expect(reports.contains(repeated(line, "1 times"))) }
    }

    @Test func `lines with ever new values are counted after a limit`() {
        var filter = RepeatFilter()
        let written = (1...1_000).flatMap { filter.judge(line("lost", "\($0)"), at: start) }
        #expect(written == (1...Limits.logVariety).map { line("lost", "\($0)") })
        let others = LogLine(
            level: .warning, label: "coupond", message: "lost",
            values: [
                LogLine.Value(
                    key: "repeated", text: "\(1_000 - Limits.logVariety) times with other values")
            ])
        #expect(filter.removeCounted(at: start + over) == [others])
    }

    @Test func `a critical line is always written`() {
        var filter = RepeatFilter()
        let critical = line(level: .critical)
        for _ in 1...1_000 { #expect(filter.judge(critical, at: start) == [critical]) }
        #expect(!filter.hasCounted)
    }

    @Test func `lines of too many kinds to remember are all written`() {
        var filter = RepeatFilter()
        for number in 1...Limits.logMessages { _ = filter.judge(line("\(number)"), at: start) }
        for _ in 1...2 { #expect(filter.judge(line("one more"), at: start) == [line("one more")]) }
        #expect(filter.judge(line("1"), at: start) == [])
        // Periods that are over make room, and what they have counted is not lost.
        #expect(filter.judge(line("one more"), at: start + over) == [line("one more")])
        #expect(filter.judge(line("one more"), at: start + over) == [])
        #expect(filter.removeCounted(at: start + over) == [repeated(line("1"), "1 times")])
    }
}
