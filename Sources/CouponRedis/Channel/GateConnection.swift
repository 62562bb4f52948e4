/// A worker's way to the gate: one connection to Redis on the worker's own event loop.
///
/// No hop, no lock, no pool: calls of one turn of the loop leave in one write, and the next call
/// travels while one runs. A broken connection is replaced by itself; see `GateHandshake` for
/// what comes first.
public import CouponCore
internal import DequeModule
public import Logging
public import NIOCore
internal import NIOPosix

/// One worker's way to the gate. Everything but the initializer is called on the event loop,
/// which also calls the delegate.
///
/// A call with no connection is answered `unavailable` in the next turn of the loop, never inside
/// `send`. Calls that were under way when the connection broke are answered `interrupted` once
/// the next one stands and the old one is killed (rule 14), however long that takes: until then
/// they may still run.
public final class GateConnection: Gate {
    /// Who hears the answers; held until `close`. Weakly held it would be counted in a side table, on
    /// every request's way.
    public var delegate: (any GateDelegate)?

    private enum State {
        case idle
        case closed
        case connecting
        case shakingHands(GateLink, GateHandshake)
        case ready(GateLink, GateSession)
    }

    private struct Pending {
        let call: GateCall
        let sentAt: NIODeadline
        var isRetried = false
        var answer: GateAnswer?
    }

    private let eventLoop: any EventLoop
    private let options: RedisOptions
    private let logger: Logger
    private var state = State.idle
    private var backOff = BackOff()
    /// Why there is no connection, for the callers.
    private var trouble = "not connected to Redis yet"
    /// Whose connection may still run calls.
    private var old: GateSession?
    /// Calls without an answer, and answers that wait for an earlier call's, as they were sent.
    private var pending: Deque<Pending> = []
    /// The number of the first of `pending`.
    private var firstNumber = 0

    /// - Parameters:
    ///   - eventLoop: the worker's.
    ///   - options: where Redis is.
    ///   - logger: told of breaks, and of unsafe settings where they are allowed.
    public init(eventLoop: any EventLoop, options: RedisOptions, logger: Logger) {
        self.eventLoop = eventLoop
        self.options = options
        self.logger = logger
    }

    /// Which Redis it reaches, checked and ready; nil while there is none.
    public var identity: RedisIdentity? {
        guard case .ready(_, let session) = state else { return nil }
        return session.identity
    }

    /// Connects, and from then on again after each break, until `close`.
    public func start() {
        guard case .idle = state else { return }
        connect()
    }

    /// Gives the connection up for good; no answer comes any more.
    public func close() {
        let link = self.link
        state = .closed
        delegate = nil
        pending.removeAll()
        link?.lost("closed")
    }

    /// Sends a call; its answer goes to the delegate.
    /// - Precondition: fewer than `Limits.gateCallsInFlight` calls are unanswered.
    public func send(_ call: GateCall) {
        guard case .ready(let link, let session) = state else {
            let reason = trouble
            eventLoop.assumeIsolated().execute { [weak self] in
                guard let self else { return }
                if case .closed = self.state { return }
                self.delegate?.gate(didAnswer: call, with: .unavailable(reason))
            }
            return
        }
        precondition(
            pending.count < Limits.gateCallsInFlight,
            "a worker has Limits.gateCallsInFlight calls under way at most")
        pending.append(Pending(call: call, sentAt: .now()))
        transmit(firstNumber + pending.count - 1, over: link, session)
    }

    /// Looks whether this is still the Redis of `identity`; where not, the connection is replaced.
    public func verify() {
        guard case .ready(let link, let session) = state else { return }
        link.send(RedisServerInfo.infoCommand) { reply in
            let now = RedisServerInfo(info: reply, config: .none).identity
            if let now, now != session.identity { link.lost("Redis has another history") }
        }
    }

    private var link: GateLink? {
        switch state {
        case .idle, .closed, .connecting: nil
        case .shakingHands(let link, _), .ready(let link, _): link
        }
    }

    // MARK: Calls

    private func transmit(_ number: Int, over link: GateLink, _ session: GateSession) {
        let call = pending[number - firstNumber].call
        link.send(Command(call, digest: session.digest, options: options)) { [weak self] reply in
            self?.handle(reply, for: number, over: link, session)
        }
    }

    private func handle(
        _ reply: Reply, for number: Int, over link: GateLink, _ session: GateSession
    ) {
        let index = number - firstNumber
        if case .error(let text) = reply, ErrorReply.isMissingScript(text),
            !pending[index].isRetried
        {
            // It did not run. The digest is that of the same text, so it stays as it is.
            pending[index].isRetried = true
            link.send(GateHandshake.loadCommand) { _ in }
            return transmit(number, over: link, session)
        }
        pending[index].answer = answer(reply, to: pending[index].call)
        deliver()
        if case .error(let text) = reply, ErrorReply.code(text) == "READONLY" {
            link.lost("Redis became a replica")  // its name may lead to the new master
        }
    }

    private func answer(_ reply: Reply, to call: GateCall) -> GateAnswer {
        switch reply {
        case .bytes(let bytes):
            GateAnswer(bytes, requestCount: call.requests.count)
                ?? .interrupted("the gate script gave an answer of another version")
        case .error(let text):
            ErrorReply.refusal(text).map { .unavailable($0) } ?? .interrupted("Redis: \(text)")
        default: .interrupted("the gate script gave no answer")
        }
    }

    private func deliver() {
        while let first = pending.first, let answer = first.answer {
            pending.removeFirst()
            firstNumber += 1
            delegate?.gate(didAnswer: first.call, with: answer)
        }
    }

    private func answerAll(with answer: GateAnswer) {
        for index in pending.indices where pending[index].answer == nil {
            pending[index].answer = answer
        }
        deliver()
    }

    // MARK: Connecting

    private func connect() {
        state = .connecting
        let bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(.milliseconds(options.connectTimeoutMilliseconds))
        let connected =
            switch options.address {
            case .tcp(let host, let port): bootstrap.connect(host: host, port: port)
            case .unix(let path): bootstrap.connect(unixDomainSocketPath: path)
            }
        connected.assumeIsolated().whenComplete { [weak self] result in
            switch result {
            case .success(let channel): self?.shakeHands(channel)
            case .failure(let error): self?.broke("cannot connect to Redis: \(error)")
            }
        }
    }

    private func shakeHands(_ channel: any Channel) {
        guard case .connecting = state else { return channel.close(promise: nil) }
        let link = GateLink(channel: channel)
        link.didBreak = { [weak self] reason in self?.broke(reason) }
        do {
            try channel.pipeline.syncOperations.addHandler(ReplyHandler(link: link))
        } catch {
            return link.lost("the connection to Redis broke: \(error)")
        }
        let handshake = GateHandshake(link: link, options: options, old: old) {
            [weak self] result in
            switch result {
            case .success(let session): self?.becomeReady(link, session)
            case .failure(let failure): link.lost(failure.text)
            }
        }
        state = .shakingHands(link, handshake)
        handshake.start()
        eventLoop.assumeIsolated().scheduleTask(
            in: .milliseconds(options.connectTimeoutMilliseconds)
        ) { [weak self] in
            guard case .shakingHands(let current, _) = self?.state, current === link else { return }
            link.lost("Redis did not answer the handshake")
        }
    }

    private func becomeReady(_ link: GateLink, _ session: GateSession) {
        if !session.unsafeSettings.isEmpty {
            let text = session.unsafeSettings.joined(separator: "; ")
            logger.warning(
                "Redis runs with unsafe settings", metadata: [LogKey.settings: "\(text)"])
        }
        backOff.reset()
        old = nil
        state = .ready(link, session)
        watch(link)
        answerAll(with: .interrupted(trouble))
        delegate?.gateDidChange()
    }

    /// A connection whose peer has vanished says nothing: an answer that does not come breaks it.
    private func watch(_ link: GateLink) {
        let patience = TimeAmount.milliseconds(options.commandTimeoutMilliseconds)
        eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(patience.nanoseconds / 4)) {
            [weak self] in
            guard let self, case .ready(let current, _) = self.state, current === link
            else { return }
            if let first = self.pending.first, first.sentAt + patience < .now() {
                return link.lost("Redis does not answer")
            }
            self.watch(link)
        }
    }

    private func broke(_ reason: String) {
        let wasReady = identity != nil
        if case .closed = state { return }
        if case .ready(_, let session) = state { old = session }
        trouble = reason
        state = .connecting
        logger.log(
            level: backOff.failures == 0 ? .warning : .debug, "no connection to the gate",
            metadata: [LogKey.reason: "\(reason)"])
        eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(backOff.next())) {
            [weak self] in
            if let self, case .connecting = self.state { self.connect() }
        }
        if wasReady { delegate?.gateDidChange() }
    }
}
