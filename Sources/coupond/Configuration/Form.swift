/// The forms of values. Nothing is corrected: a text that does not fit is an error.

/// How a value is written.
struct Form<Value: Sendable>: Sendable {
    /// In words, such as "a whole number from 1 to 1024".
    let description: String
    /// The words that are values, for suggestions; empty if there are too many.
    var words: [String] = []
    /// What is wrong with a text, if the description does not show it; without secrets.
    var mistake: @Sendable (String) -> String? = { _ in nil }
    /// Nil if the text is not a value.
    let parse: @Sendable (String) -> Value?
}

extension Form<Int> {
    static func whole(_ range: ClosedRange<Int>) -> Form {
        Form(description: "a whole number from \(range.lowerBound) to \(range.upperBound)") {
            text in
            Int(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    /// - Parameter automatic: the value of `auto`.
    static func wholeOrAuto(_ range: ClosedRange<Int>, automatic: Int) -> Form {
        let whole = whole(range)
        return Form(description: "auto, or " + whole.description) {
            $0 == "auto" ? automatic : whole.parse($0)
        }
    }
}

extension Form<Int?> {
    /// Nil is `off`.
    static func wholeOrOff(_ range: ClosedRange<Int>) -> Form {
        let whole = Form<Int>.whole(range)
        return Form(description: "off, or " + whole.description) { text in
            if text == "off" { return .some(nil) }
            guard let number = whole.parse(text) else { return .none }
            return number
        }
    }
}

extension Form<UInt32> {
    /// The permissions of a file.
    static let mode = Form(description: "three or four octal digits, such as 0660") { text in
        guard text.wholeMatch(of: /0?[0-7]{3}/) != nil else { return nil }
        return UInt32(text, radix: 8)
    }
}

extension Form<Bool> {
    static let yesOrNo = Form(description: "true or false") { Bool($0) }
}

extension Form<String?> {
    /// Any text; nil if it is empty.
    static func optional(_ description: String) -> Form {
        Form(description: description + ", or nothing") { $0.isEmpty ? .some(nil) : $0 }
    }
}

extension Form<String> {
    static func text(_ description: String) -> Form {
        Form(description: description) { $0.isEmpty ? nil : $0 }
    }
}

extension Form where Value: CaseIterable & RawRepresentable<String> {
    static var choice: Form {
        let names = Value.allCases.map(\.rawValue)
        return Form(description: "one of " + names.joined(separator: ", "), words: names) {
            Value(rawValue: $0)
        }
    }
}

extension Form<Duration> {
    static func duration(_ range: ClosedRange<Duration>) -> Form {
        let bounds = "\(range.lowerBound.brief) to \(range.upperBound.brief)"
        return Form(description: "a duration from \(bounds), such as 500ms, 10s, 24h") { text in
            Duration(brief: text).flatMap { range.contains($0) ? $0 : nil }
        }
    }
}

extension Form<Duration?> {
    /// Nil is `off`.
    static func durationOrOff(_ range: ClosedRange<Duration>) -> Form {
        let duration = Form<Duration>.duration(range)
        return Form(description: "off, or " + duration.description) { text in
            if text == "off" { return .some(nil) }
            guard let value = duration.parse(text) else { return .none }
            return value
        }
    }
}

extension Duration {
    private static let units: [(name: String, milliseconds: Int64)] = [
        ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1),
    ]

    /// From a whole number and one unit: ms, s, m or h.
    init?(brief text: String) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let count = Int64(digits),
            let unit = Self.units.first(where: { $0.name == text.dropFirst(digits.count) })
        else { return nil }
        let (milliseconds, overflow) = count.multipliedReportingOverflow(by: unit.milliseconds)
        guard !overflow else { return nil }
        self = .milliseconds(milliseconds)
    }

    /// The shortest exact text with one unit, for durations of whole milliseconds.
    var brief: String {
        let milliseconds = wholeMilliseconds
        guard milliseconds > 0,
            let unit = Self.units.first(where: { milliseconds % $0.milliseconds == 0 })
        else { return "0s" }
        return "\(milliseconds / unit.milliseconds)\(unit.name)"
    }

    /// Rounded towards zero.
    var wholeMilliseconds: Int64 {
        components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000
    }
}
