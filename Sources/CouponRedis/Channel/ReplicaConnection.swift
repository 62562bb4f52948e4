/// A worker's way to ask for replicas: a connection of its own, because WAIT blocks the commands after it on
/// the same connection (rule 37).
///
/// WAIT counts what its own connection wrote last, so each question writes first: a PUBLISH that has no
/// subscriber goes to the replicas as any write does, and stores nothing. In a cluster it does not, so there
/// a key is written. Everything that the gate answered before is earlier in the stream of replication. The
/// identity is read after the wait: another Redis that took this one's place has replicas too.
/// `ReplicaConnectionState` decides; this class owns the link.
public import CouponCore
public import Logging
public import NIOCore

/// Asks one question at a time. Everything but the initializer is called on the event loop, which also calls
/// the delegate. Connects for its first question; a broken connection answers nil.
public final class ReplicaConnection: ReplicaLink {
    /// A partition that the node serves: in a cluster each question writes a key of it.
    public var partition = PartitionID(0)
    /// Gets the answers.
    public weak var delegate: (any ReplicaDelegate)?

    private let eventLoop: any EventLoop
    private let options: RedisOptions
    private let replicas: Int
    private let timeoutMilliseconds: Int64
    private let logger: Logger
    private let dialer: RedisDialer
    private var state = ReplicaConnectionState<RedisLink>()
    /// The last reason that was logged as a warning.
    private var loggedReason = ""
    /// Whether a question writes a key, and not to a channel.
    private var isOfCluster = false
    /// Ends the question in flight.
    private var deadline: Scheduled<Void>?
    private var plannedDial: Scheduled<Void>?

    /// - Parameters:
    ///   - eventLoop: the worker's.
    ///   - options: where Redis is.
    ///   - replicas: how many to wait for.
    ///   - timeoutMilliseconds: how long; then the answer says how many there are.
    ///   - logger: gets a line for each break.
    public init(
        eventLoop: any EventLoop, options: RedisOptions, replicas: Int,
        timeoutMilliseconds: Int64, logger: Logger
    ) {
        self.eventLoop = eventLoop
        self.options = options
        self.replicas = replicas
        self.timeoutMilliseconds = timeoutMilliseconds
        self.logger = logger
        dialer = RedisDialer(eventLoop: eventLoop, options: options)
    }

    /// Asks how many replicas have all that the gate has answered until now.
    /// - Precondition: the last question is answered.
    public func ask() {
        let action = state.ask()
        if case .ignore = action { return }
        deadline = eventLoop.assumeIsolated().scheduleTask(
            in: .milliseconds(timeoutMilliseconds + options.connectTimeoutMilliseconds)
        ) { [weak self] in
            self?.questionIsOverdue()
        }
        switch action {
        case .send(let link): send(over: link)
        case .dial(let moment):
            plannedDial = eventLoop.assumeIsolated().scheduleTask(deadline: moment) { [weak self] in
                if let self, state.dialDue() == .dial { dial() }
            }
        case .ignore: break
        }
    }

    /// Closes the connection and does not replace it.
    public func close() {
        deadline?.cancel()
        plannedDial?.cancel()
        state.close()?.close(reason: "closed")
    }

    private func dial() {
        dialer.dial { [weak self] result in
            switch result {
            case .success(let link):
                guard let self, state.dialed(link) == .send else {
                    return link.close(reason: "closed")
                }
                link.didBreak = { [weak self] reason in
                    if let self { handle(state.broke(at: .now()), reason) }
                }
                begin(over: link)
            case .failure(let failure):
                if let self { handle(state.dialFailed(at: .now()), failure.reason) }
            }
        }
    }

    /// Asks for the first time over a connection: what questions write depends on whether Redis is in a
    /// cluster.
    private func begin(over link: RedisLink) {
        link.send(RedisServerInfo.infoCommand) { [weak self] reply in
            guard let self else { return }
            isOfCluster = RedisServerInfo(info: reply, config: .none).isOfCluster
            send(over: link)
        }
    }

    private func send(over link: RedisLink) {
        // The partition is read for each question: an earlier partition may have left the node.
        let write =
            isOfCluster
            ? Command("SET", Keys.replicas(partition), "")
            : Command("PUBLISH", Keys.replicas, "")
        link.send(write) {
            [weak link, countRefusal = options.countRefusal] reply in
            if case .error(let text) = reply {
                countRefusal(ErrorReply.cause(text))
                link?.close(reason: ErrorReply.refusal(text) ?? "Redis: \(text)")
            }
        }
        var count: Int64?
        link.send(Command("WAIT", String(replicas), String(timeoutMilliseconds))) {
            count = $0.integerValue
        }
        link.send(RedisServerInfo.infoCommand) { [weak self] reply in
            let server = RedisServerInfo(info: reply, config: .none)
            guard let count, let identity = server.identity, !server.isReplica else {
                return link.close(reason: "Redis refused WAIT, or is a replica")
            }
            guard let self, state.answered() == .deliver else { return }
            answer(ReplicaAnswer(count: Int(count), identity: identity))
        }
    }

    private func questionIsOverdue() {
        let reason = "Redis does not answer"
        switch state.questionDeadline() {
        case .close(let link): link.close(reason: reason)
        case .breakOff: handle(state.broke(at: .now()), reason)
        case .ignore: break
        }
    }

    private func handle(_ action: ReplicaConnectionState<RedisLink>.BreakAction, _ reason: String) {
        plannedDial?.cancel()
        switch action {
        case .answer(let isFirst):
            log(reason, isFirst)
            answer(nil)
        case .log(let isFirst): log(reason, isFirst)
        case .ignore: break
        }
    }

    /// Warns of the first failure, and of each new reason.
    private func log(_ reason: String, _ isFirstFailure: Bool) {
        logger.log(
            level: isFirstFailure || reason != loggedReason ? .warning : .debug,
            "replicas cannot be asked", metadata: [LogKey.reason: "\(reason)"])
        loggedReason = reason
    }

    private func answer(_ answer: ReplicaAnswer?) {
        deadline?.cancel()
        delegate?.replicas(self, didAnswer: answer)
    }
}
