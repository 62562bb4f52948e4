/// One line for each event, in one write, to standard error: JSON for machines, text for a terminal.
///
/// One write a line keeps lines whole where several threads log at once.
internal import FoundationEssentials
internal import Glibc
internal import Logging

struct LineLogHandler: LogHandler {
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]

    private let label: String
    private let isJSON: Bool
    private let descriptor: Int32

    /// - Parameter descriptor: where lines are written.
    init(label: String, level: Logger.Level, isJSON: Bool, descriptor: Int32 = STDERR_FILENO) {
        self.label = label
        self.isJSON = isJSON
        self.descriptor = descriptor
        logLevel = level
    }

    /// Makes it the handler of every logger; to be called once, before the first logger is made.
    static func bootstrap(level: Logger.Level, format: LogFormat) {
        let isJSON = format.isJSON(for: STDERR_FILENO)
        LoggingSystem.bootstrap { LineLogHandler(label: $0, level: level, isJSON: isJSON) }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let merged = metadata.merging(event.metadata ?? [:]) { $1 }
        let values = merged.sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") }
        let now = utcNow()
        let text = "\(event.message)"
        let line = (isJSON ? jsonLine : textLine)(now, event.level, label, text, values)
        writeLine(line, to: descriptor)
    }
}

/// Writes a line in one piece. What cannot be written cannot be reported either.
func writeLine(_ line: String, to descriptor: Int32) {
    let bytes = Array((line + "\n").utf8)
    _ = unsafe write(descriptor, bytes, bytes.count)
}

private func jsonLine(
    _ time: String, _ level: Logger.Level, _ label: String, _ message: String,
    _ metadata: [(key: String, value: String)]
) -> String {
    var line = "{\"time\":\"\(time)\",\"level\":\"\(level)\",\"logger\":\(quoted(label))"
    line += ",\"message\":\(quoted(message))"
    if !metadata.isEmpty {
        let pairs = metadata.map { quoted($0.key) + ":" + quoted($0.value) }
        line += ",\"metadata\":{\(pairs.joined(separator: ","))}"
    }
    return line + "}"
}

private func textLine(
    _ time: String, _ level: Logger.Level, _ label: String, _ message: String,
    _ metadata: [(key: String, value: String)]
) -> String {
    let pairs = metadata.map { " \($0.key)=\($0.value)" }.joined()
    let oneLine = "\(label): \(message)\(pairs)".replacing(/\r\n|\n|\r/, with: " ")
    return "\(time) \(level) \(oneLine)"
}

/// As a JSON string.
private func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case "\n": result += "\\n"
        case "\u{0}"..."\u{1F}":
            let digits = String(scalar.value, radix: 16)
            result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + "\""
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
