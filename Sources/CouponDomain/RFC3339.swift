// Times as people and programs write them: RFC 3339, to the microsecond.

extension Timestamp {
    /// As RFC 3339 in UTC, with as many digits of the second as it needs.
    package var rfc3339: String {
        let (days, time) = microseconds.quotientAndRemainder(flooredBy: 86_400_000_000)
        let date = CivilDate(daysSinceEpoch: days)
        let (seconds, fraction) = time.quotientAndRemainder(flooredBy: 1_000_000)
        let clock = [seconds / 3600, seconds / 60 % 60, seconds % 60].map { $0.padded(to: 2) }
        return "\(date.year.padded(to: 4))-\(date.month.padded(to: 2))-\(date.day.padded(to: 2))"
            + "T\(clock.joined(separator: ":"))\(Self.digits(ofFraction: fraction))Z"
    }

    /// From RFC 3339, such as `2026-03-01T09:00:00+09:00`; nil for any other text.
    package init?(rfc3339 text: String) {
        var rest = Substring(text)
        guard let year = rest.readNumber(digits: 4), rest.read("-"),
            let month = rest.readNumber(digits: 2), rest.read("-"),
            let day = rest.readNumber(digits: 2),
            rest.read("T") || rest.read("t") || rest.read(" "),
            let hour = rest.readNumber(digits: 2), hour < 24, rest.read(":"),
            let minute = rest.readNumber(digits: 2), minute < 60, rest.read(":"),
            let second = rest.readNumber(digits: 2), second < 60,
            let fraction = Self.readFraction(&rest), let offset = Self.readOffset(&rest),
            rest.isEmpty, let date = CivilDate(year: year, month: month, day: day)
        else { return nil }
        let seconds = date.daysSinceEpoch * 86_400 + hour * 3600 + minute * 60 + second - offset
        self.init(microseconds: seconds * 1_000_000 + fraction)
    }

    private static func digits(ofFraction microseconds: Int64) -> String {
        guard microseconds != 0 else { return "" }
        let digits = microseconds.padded(to: 6)
        return "." + String(digits.reversed().drop { $0 == "0" }.reversed())
    }

    /// Microseconds; 0 without a fraction; nil if it has no digits. Digits after the sixth are cut.
    private static func readFraction(_ text: inout Substring) -> Int64? {
        guard text.read(".") else { return 0 }
        let digits = text.prefix { ("0"..."9").contains($0) }
        guard !digits.isEmpty else { return nil }
        text.removeFirst(digits.count)
        let six = digits.prefix(6)
        return Int64(six + String(repeating: "0", count: 6 - six.count))
    }

    /// Seconds east of UTC.
    private static func readOffset(_ text: inout Substring) -> Int64? {
        if text.read("Z") || text.read("z") { return 0 }
        let isWest = text.read("-")
        guard isWest || text.read("+"), let hours = text.readNumber(digits: 2), hours < 24,
            text.read(":"), let minutes = text.readNumber(digits: 2), minutes < 60
        else { return nil }
        return (hours * 3600 + minutes * 60) * (isWest ? -1 : 1)
    }
}

extension Substring {
    /// Reads a character if it comes next.
    package mutating func read(_ character: Character) -> Bool {
        guard first == character else { return false }
        removeFirst()
        return true
    }

    /// Reads a number of exactly so many digits if it comes next.
    fileprivate mutating func readNumber(digits: Int) -> Int64? {
        let head = prefix(digits)
        guard head.count == digits, head.allSatisfy({ ("0"..."9").contains($0) }) else {
            return nil
        }
        removeFirst(digits)
        return Int64(head)
    }
}

extension Int64 {
    fileprivate func padded(to width: Int) -> String {
        let digits = String(magnitude)
        return String(repeating: "0", count: Swift.max(0, width - digits.count)) + digits
    }

    /// Division that rounds down, so that times before 1970 come out right.
    fileprivate func quotientAndRemainder(flooredBy divisor: Int64) -> (Int64, Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
