/// Counts repeated lines instead of writing them: a flood of one line would push out all others, because
/// journald drops lines that come too fast.
///
/// Lines of one kind have the same level, logger and message. The first line of a kind begins a period of
/// some seconds. In a period a line with the same values is written once. Lines with other values are about
/// another partition or coupon, so they are written too, up to a number: values that never repeat would be a
/// flood as well. When the period is over a line reports what was counted. Critical lines are always written.
internal import CouponCore
internal import Logging

struct RepeatFilter {
    private struct Kind: Hashable {
        let level: Logger.Level
        let label: String
        let message: String
    }

    private struct Period {
        let end: ContinuousClock.Instant
        /// How often each written line was repeated.
        var repeats: [[LogLine.Value]: Int]
        /// How many lines had further values.
        var others = 0

        var hasCounted: Bool { others > 0 || repeats.values.contains { $0 > 0 } }
    }

    private var periods: [Kind: Period] = [:]

    /// Whether something was counted that is not reported.
    private(set) var hasCounted = false

    /// What to write for a line: nothing, the line, or first a report of its kind and then the line.
    mutating func judge(_ line: LogLine, at now: ContinuousClock.Instant) -> [LogLine] {
        guard line.level < .critical else { return [line] }
        let kind = Kind(level: line.level, label: line.label, message: line.message)
        guard let period = periods[kind], now < period.end else {
            let report = periods.removeValue(forKey: kind).map { Self.report($0, of: kind) } ?? []
            begin(kind, with: line, at: now)
            return report + [line]
        }
        let isNew = period.repeats[line.values] == nil
        if isNew && period.repeats.count < Limits.logVariety {
            periods[kind]?.repeats[line.values] = 0
            return [line]
        }
        if isNew {
            periods[kind]?.others += 1
        } else {
            periods[kind]?.repeats[line.values]? += 1
        }
        hasCounted = true
        return []
    }

    private mutating func begin(
        _ kind: Kind, with line: LogLine, at now: ContinuousClock.Instant
    ) {
        if periods.count >= Limits.logMessages {
            periods = periods.filter { now < $0.value.end || $0.value.hasCounted }
        }
        guard periods.count < Limits.logMessages else { return }
        periods[kind] = Period(
            end: now + .milliseconds(Limits.logRepeatMilliseconds), repeats: [line.values: 0])
    }

    /// Reports of the periods that are over; of all periods if the time is nil.
    mutating func removeCounted(at now: ContinuousClock.Instant?) -> [LogLine] {
        var lines: [LogLine] = []
        for (kind, period) in periods where now.map({ $0 >= period.end }) ?? true {
            periods[kind] = nil
            lines += Self.report(period, of: kind)
        }
        hasCounted = periods.values.contains { $0.hasCounted }
        return lines
    }

    private static func report(_ period: Period, of kind: Kind) -> [LogLine] {
        func line(_ values: [LogLine.Value], _ text: String) -> LogLine {
            LogLine(
                level: kind.level, label: kind.label, message: kind.message,
                values: values + [LogLine.Value(key: LogKey.repeated, text: text)])
        }
        var lines = period.repeats.filter { $0.value > 0 }.map { line($0.key, "\($0.value) times") }
        if period.others > 0 { lines.append(line([], "\(period.others) times with other values")) }
        return lines
    }
}
