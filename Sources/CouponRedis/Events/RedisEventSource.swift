/// The daemon's ear: one subscription to the events of all partitions.
///
/// A subscription that has died quietly would leave stale marks (rule 39), so it is pinged when
/// nothing is heard and given up when a ping is not answered within a second.
public import CouponCore
internal import Glibc
public import Logging

/// Completion events, over one blocking connection. Confined to one thread; connects by itself.
public final class RedisEventSource: EventSource {
    /// The longest `next` blocks, in milliseconds.
    private static let patienceMilliseconds: Int64 = 500
    /// How long a subscription may be silent although it was pinged (rule 39).
    private static let deafAfter = Duration.seconds(1)

    private let options: RedisOptions
    private let logger: Logger
    private var connection: BlockingConnection?
    /// Whether the daemon knows that nothing is heard.
    private var isDownTold = false
    /// When the oldest unanswered ping was sent.
    private var pingedAt: ContinuousClock.Instant?
    private var malformedEvents = 0

    /// - Parameters:
    ///   - options: where Redis is; nothing is connected yet.
    ///   - logger: told of events that cannot be read.
    public init(options: RedisOptions, logger: Logger) {
        self.options = options
        self.logger = logger
    }

    /// Blocks until something is heard, half a second at most; nil where nothing was. Only
    /// connecting may take longer: as long as `RedisOptions.connectTimeoutMilliseconds`.
    public func next() -> EventSignal? {
        do throws(GateControlError) {
            return try listen()
        } catch {
            connection = nil
            pingedAt = nil
            guard isDownTold else {
                isDownTold = true
                return .down("\(error)")
            }
            pause()
            return nil
        }
    }

    private func listen() throws(GateControlError) -> EventSignal? {
        let current: BlockingConnection
        if let connection {
            current = connection
        } else {
            current = try BlockingConnection(options)
            connection = current
            try current.send(Command("PSUBSCRIBE", Keys.allEvents))
        }
        guard let reply = try current.poll(milliseconds: Self.patienceMilliseconds) else {
            try ping(current)
            return nil
        }
        pingedAt = nil
        return try signal(reply)
    }

    private func ping(_ connection: BlockingConnection) throws(GateControlError) {
        guard let pingedAt else {
            self.pingedAt = .now
            return try connection.send(Command("PING"))
        }
        if pingedAt.duration(to: .now) >= Self.deafAfter {
            throw .unavailable("Redis did not answer a ping of the subscription")
        }
    }

    private func signal(_ reply: Reply) throws(GateControlError) -> EventSignal? {
        if case .error(let text) = reply { throw BlockingConnection.error(text) }
        switch (reply.elements?.first?.text, reply.elements?.last) {
        case ("psubscribe", _):
            isDownTold = false
            return .up
        case ("pmessage", .bytes(let bytes)):
            guard let event = CompletionEvent(bytes) else {
                malformedEvents += 1
                logger.warning(
                    "an event cannot be read",
                    metadata: ["bytes": "\(bytes.count)", "so far": "\(malformedEvents)"])
                return nil
            }
            return .event(event)
        default: return nil  // the answer to a ping
        }
    }

    /// Between two attempts to connect; with jitter, so that daemons do not come back all at once.
    private func pause() {
        usleep(.random(in: 100_000...500_000))
    }
}
