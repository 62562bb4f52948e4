/// Counts lines that repeat instead of writing them: a flood of one line would push out all others, and
/// journald drops what comes too fast, whatever it says.
///
/// A kind is level, logger and message; its spell lasts some seconds from its first line. In a spell the
/// same line, with the same values, is written once. Lines with other values are written too, since they
/// tell of another partition or coupon, up to a number: a value that never comes twice would flood as well.
/// What was counted is told when the spell is over. Critical lines are written always.
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
        /// How often each line that was written came again.
        var repeats: [[LogLine.Value]: Int]
        /// Lines with values beyond those.
        var others = 0

        var hasCounted: Bool { others > 0 || repeats.values.contains { $0 > 0 } }
    }

    private var spells: [Kind: Spell] = [:]

    /// Whether something was counted that is not told yet.
    private(set) var hasCounted = false

    /// What is to be written for a line: nothing, the line, or before it what was counted of its kind.
    mutating func judge(_ line: LogLine, at now: ContinuousClock.Instant) -> [LogLine] {
        guard line.level < .critical else { return [line] }
        let kind = Kind(level: line.level, label: line.label, message: line.message)
        guard let spell = spells[kind], now < spell.end else {
            let told = spells.removeValue(forKey: kind).map { Self.tell($0, of: kind) } ?? []
            begin(kind, with: line, at: now)
            return told + [line]
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

    /// What was counted in spells that are over; nil: in all.
    mutating func removeCounted(at now: ContinuousClock.Instant?) -> [LogLine] {
        var told: [LogLine] = []
        for (kind, spell) in spells where now.map({ $0 >= spell.end }) ?? true {
            spells[kind] = nil
            told += Self.tell(spell, of: kind)
        }
        hasCounted = spells.values.contains { $0.hasCounted }
        return told
    }

    private static func tell(_ spell: Spell, of kind: Kind) -> [LogLine] {
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
