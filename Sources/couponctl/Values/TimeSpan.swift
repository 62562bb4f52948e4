internal import ArgumentParser

/// A length of time as people write it: `500ms`, `2s`, `1h30m`, `7d`.
struct TimeSpan: Equatable, ExpressibleByArgument {
    let milliseconds: Int64

    init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// From numbers with units `ms`, `s`, `m`, `h`, `d`; nil for any other text.
    init?(argument: String) {
        var rest = Substring(argument)
        var total: Int64 = 0
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { ("0"..."9").contains($0) }
            rest.removeFirst(digits.count)
            let unit = rest.prefix { $0.isLetter }
            rest.removeFirst(unit.count)
            guard let number = Int64(digits), let factor = Self.units[String(unit)] else {
                return nil
            }
            let (part, overflow) = number.multipliedReportingOverflow(by: factor)
            let (sum, overflowOfSum) = total.addingReportingOverflow(part)
            guard !overflow, !overflowOfSum else { return nil }
            total = sum
        }
        milliseconds = total
    }

    /// As the help shows a default.
    var defaultValueDescription: String {
        milliseconds.isMultiple(of: 1000) ? "\(milliseconds / 1000)s" : "\(milliseconds)ms"
    }

    private static let units: [String: Int64] = [
        "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000,
    ]
}
