/// The daemon's subscription to the events of all partitions.
///
/// A subscription that has died silently would leave stale marks (rule 39). So a silent one is pinged, and
/// replaced if the ping is not answered within a second.
public import CouponCore
internal import Glibc
public import Logging

/// Completion events, over one blocking connection. Confined to one thread; connects by itself.
public final class RedisEventSource: EventSource {
    /// The longest `next` blocks, in milliseconds.
    private static let timeoutMilliseconds: Int64 = 500
    /// How long a subscription may be silent after a ping (rule 39).
    private static let disconnectedAfter = Duration.seconds(1)

    private let options: RedisOptions
    private let logger: Logger
    private var connection: BlockingConnection?
    /// Whether the daemon knows that there is no subscription.
    private var isDownReported = false
    /// The last reported reason why there is no subscription.
    private var reportedReason = ""
    private var backOff = BackOff()
    private var mayConnectAt = ContinuousClock.now
    /// The topology at the last failure: a change ends the pause.
    private var failedIn: Topology?
    /// When the oldest unanswered ping was sent.
    private var pingedAt: ContinuousClock.Instant?
    private var decoder: EventDecoder

    /// - Parameters:
    ///   - options: where Redis is; nothing is connected yet.
    ///   - logger: gets a line for each event that cannot be read.
    public init(options: RedisOptions, logger: Logger) {
        self.options = options
        self.logger = logger
        decoder = EventDecoder(logger)
    }

    /// Blocks until something arrives, at most half a second; nil if nothing did. Only connecting may take
    /// longer, up to `RedisOptions.connectTimeoutMilliseconds`.
    public func next() -> EventSignal? {
        if connection == nil, !pauseIsOver() { return nil }
        do throws(BackendError) {
            return try listen()
        } catch {
            connection = nil
            pingedAt = nil
            mayConnectAt = .now + .milliseconds(backOff.next())
            failedIn = options.topology?.current
            return report("\(error)")
        }
    }

    /// A break is reported once; a new reason why it lasts goes to the log.
    private func report(_ reason: String) -> EventSignal? {
        defer { reportedReason = reason }
        guard isDownReported else {
            isDownReported = true
            return .down(reason)
        }
        if reason != reportedReason {
            logger.warning(
                "cannot subscribe to events", metadata: [LogKey.reason: "\(reason)"])
        }
        return nil
    }

    private func listen() throws(BackendError) -> EventSignal? {
        let current: BlockingConnection
        if let connection {
            current = connection
        } else {
            current = try BlockingConnection(options)
            try refuseReplica(current)
            connection = current
            try current.send(Command("PSUBSCRIBE", Keys.allEvents))
        }
        guard let reply = try current.poll(milliseconds: Self.timeoutMilliseconds) else {
            try ping(current)
            return nil
        }
        pingedAt = nil
        return try signal(reply, current)
    }

    /// A replica that was a master passes on nothing any more, but still answers pings.
    private func refuseReplica(_ connection: BlockingConnection) throws(BackendError) {
        guard options.topology != nil else { return }
        let info = try connection.call(RedisServerInfo.infoCommand)
        if RedisServerInfo(info: info, config: .none).isReplica {
            options.topology?.refresh()
            throw .redis(.refused("Redis is a replica"))
        }
    }

    private func ping(_ connection: BlockingConnection) throws(BackendError) {
        guard let pingedAt else {
            self.pingedAt = .now
            return try connection.send(Command("PING"))
        }
        if pingedAt.duration(to: .now) >= Self.disconnectedAfter {
            throw .redis(.unavailable("Redis did not answer a ping of the subscription"))
        }
    }

    private func signal(
        _ reply: Reply, _ connection: BlockingConnection
    ) throws(BackendError) -> EventSignal? {
        if case .error(let text) = reply { throw connection.error(text) }
        switch (reply.elements?.first?.text, reply.elements?.last) {
        case ("psubscribe", _):
            isDownReported = false
            backOff.reset()
            return .up
        case ("pmessage", .bytes(let bytes)):
            return decoder.event(bytes).map { .event($0) }
        default: return nil  // the answer to a ping
        }
    }

    /// Waits until the next attempt to connect is due, at most as long as `next` may take.
    /// - Returns: whether it is due.
    private func pauseIsOver() -> Bool {
        if failedIn != options.topology?.current { return true }
        let left = ContinuousClock.now.duration(to: mayConnectAt) / .milliseconds(1)
        let pause = min(left, Double(Self.timeoutMilliseconds))
        if pause > 0 { usleep(UInt32(pause * 1_000)) }
        return left <= Double(Self.timeoutMilliseconds)
    }
}
