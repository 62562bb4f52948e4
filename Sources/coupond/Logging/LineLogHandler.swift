/// The backend of all loggers: each event becomes a line for the one writer.
internal import Logging
internal import Synchronization

struct LineLogHandler: LogHandler {
    private static let levels = Logger.Level.allCases
    /// The index of the level of all loggers; a reload changes it.
    private static let commonLevel = Atomic<Int>(0)

    /// Of this logger alone; nil for that of all.
    private var ownLevel: Logger.Level?
    var metadata: Logger.Metadata = [:]

    private let label: String
    private let writer: LogWriter

    /// - Parameter level: of this logger alone; nil for that of all.
    init(label: String, level: Logger.Level? = nil, writer: LogWriter) {
        self.label = label
        self.writer = writer
        ownLevel = level
    }

    var logLevel: Logger.Level {
        get { ownLevel ?? Self.levels[Self.commonLevel.load(ordering: .relaxed)] }
        set { ownLevel = newValue }
    }

    /// Sets the level of all loggers that have none of their own.
    static func use(_ level: Logger.Level) {
        commonLevel.store(levels.firstIndex(of: level) ?? 0, ordering: .relaxed)
    }

    /// Makes it the backend of every logger. Call it once, before the first logger is made.
    static func bootstrap(level: Logger.Level, writer: LogWriter) {
        use(level)
        LoggingSystem.bootstrap { LineLogHandler(label: $0, writer: writer) }
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
