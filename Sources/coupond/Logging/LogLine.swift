/// One event of the log, as JSON or as text for a terminal.
internal import CouponCore
internal import FoundationEssentials
internal import Glibc
internal import Logging

struct LogLine: Equatable {
    /// One value of the metadata.
    struct Value: Hashable {
        let key: String
        let text: String
    }

    let level: Logger.Level
    let label: String
    let message: String
    /// Sorted by key.
    let values: [Value]

    /// With the current time and a line end.
    /// - Parameter isJournal: whether the line begins with its priority.
    func bytes(isJSON: Bool, isJournal: Bool = false) -> [UInt8] {
        let line = isJSON ? json(utcNow()) : text(utcNow())
        return Array(((isJournal ? "<\(level.priority)>" : "") + line + "\n").utf8)
    }

    private func json(_ time: String) -> String {
        var line = "{\"time\":\"\(time)\",\"level\":\"\(level)\",\"logger\":\(label.quotedForJSON)"
        if let event = LogEventID.id(of: message) { line += ",\"event\":\"\(event)\"" }
        line += ",\"message\":\(message.quotedForJSON)"
        if !values.isEmpty {
            let pairs = values.map { $0.key.quotedForJSON + ":" + $0.text.quotedForJSON }
            line += ",\"metadata\":{\(pairs.joined(separator: ","))}"
        }
        return line + "}"
    }

    private func text(_ time: String) -> String {
        let pairs = values.map { " \($0.key)=\($0.text)" }.joined()
        let oneLine = "\(label): \(message)\(pairs)".replacing(/\r\n|\n|\r/, with: " ")
        return "\(time) \(level) \(oneLine.safeForTerminal)"
    }
}

/// Such as `2026-01-31T12:00:00.123456Z`.
private func utcNow() -> String {
    let microseconds = Int(Date().timeIntervalSince1970 * 1_000_000)
    var seconds = microseconds / 1_000_000
    var parts = unsafe tm()
    unsafe gmtime_r(&seconds, &parts)
    let (year, month, day) = unsafe (parts.tm_year + 1_900, parts.tm_mon + 1, parts.tm_mday)
    let (hour, minute, second) = unsafe (parts.tm_hour, parts.tm_min, parts.tm_sec)
    let date = "\(year)-\(padded(month))-\(padded(day))"
    let time = "\(padded(hour)):\(padded(minute)):\(padded(second))"
    return "\(date)T\(time).\(padded(microseconds % 1_000_000, to: 6))Z"
}

private func padded(_ number: some BinaryInteger, to width: Int = 2) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}
