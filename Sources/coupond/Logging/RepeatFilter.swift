/// Counts repeated lines instead of writing them: a flood of one line would push out all others, because
/// journald drops lines that come too fast.
///
/// Lines of one kind have the same level, logger and message. A spell of a kind lasts some seconds from its
/// first line. In a spell a line with the same values is written once. Lines with other values are about
/// another partition or coupon, so they are written too, up to a number: values that never repeat would be a
/// flood as well. When the spell is over a line reports what was counted. Critical lines are always written.
internal import CouponCore
internal import Logging

struct RepeatFilter {
    private struct Kind: Hashable {
        let level: Logger.Level
        let label: String
        let message: String
    }

    private struct Spell {
        let end: ContinuousClock.Instant
        /// How often each written line was repeated.
        var repeats: [[LogLine.Value]: Int]
        /// How many lines had further values.
        var others = 0

        var hasCounted: Bool { others > 0 || repeats.values.contains { $0 > 0 } }
    }

    private var spells: [Kind: Spell] = [:]

    /// Whether something was counted that is not reported.
    private(set) var hasCounted = false

    /// What to write for a line: nothing, the line, or first a report of its kind and then the line.
    mutating func judge(_ line: LogLine, at now: ContinuousClock.Instant) -> [LogLine] {
        guard line.level < .critical else { return [line] }
        let kind = Kind(level: line.level, label: line.label, message: line.message)
        guard let spell = spells[kind], now < spell.end else {
            let report = spells.removeValue(forKey: kind).map { Self.report($0, of: kind) } ?? []
            begin(kind, with: line, at: now)
            return report + [line]
        }
        let isNew = spell.repeats[line.values] == nil
        if isNew && spell.repeats.count < Limits.logVariety {
            spells[kind]?.repeats[line.values] = 0
            return [line]
        }
        if isNew {
            spells[kind]?.others += 1
        } else {
            spells[kind]?.repeats[line.values]? += 1
        }
        hasCounted = true
        return []
    }

    private mutating func begin(
        _ kind: Kind, with line: LogLine, at now: ContinuousClock.Instant
    ) {
        if spells.count >= Limits.logMessages {
            spells = spells.filter { now < $0.value.end || $0.value.hasCounted }
        }
        guard spells.count < Limits.logMessages else { return }
        spells[kind] = Spell(
            end: now + .milliseconds(Limits.logRepeatMilliseconds), repeats: [line.values: 0])
    }

    /// Reports of the spells that are over; of all spells if the time is nil.
    mutating func removeCounted(at now: ContinuousClock.Instant?) -> [LogLine] {
        var lines: [LogLine] = []
        for (kind, spell) in spells where now.map({ $0 >= spell.end }) ?? true {
            spells[kind] = nil
            lines += Self.report(spell, of: kind)
        }
        hasCounted = spells.values.contains { $0.hasCounted }
        return lines
    }

    private static func report(_ spell: Spell, of kind: Kind) -> [LogLine] {
        func line(_ values: [LogLine.Value], _ text: String) -> LogLine {
            LogLine(
                level: kind.level, label: kind.label, message: kind.message,
                values: values + [LogLine.Value(key: LogKey.repeated, text: text)])
        }
        var lines = spell.repeats.filter { $0.value > 0 }.map { line($0.key, "\($0.value) times") }
        if spell.others > 0 { lines.append(line([], "\(spell.others) times with other values")) }
        return lines
    }
}
