/// The backend of all loggers: each event becomes a line for the one writer.
internal import Logging

struct LineLogHandler: LogHandler {
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]

    private let label: String
    private let writer: LogWriter

    init(label: String, level: Logger.Level, writer: LogWriter) {
        self.label = label
        self.writer = writer
        logLevel = level
    }

    /// Makes it the backend of every logger. Call it once, before the first logger is made.
    static func bootstrap(level: Logger.Level, writer: LogWriter) {
        LoggingSystem.bootstrap { LineLogHandler(label: $0, level: level, writer: writer) }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let merged = metadata.merging(event.metadata ?? [:]) { $1 }
        let values = merged.sorted { $0.key < $1.key }.map {
            LogLine.Value(key: $0.key, text: "\($0.value)")
        }
        writer.add(
            LogLine(
                level: event.level, label: label, message: "\(event.message)", values: values))
    }
}
