/// A worker's way to the gate: one connection to Redis on the worker's own event loop.
///
/// No hop, no lock, no pool: calls of one turn of the loop leave in one write, and the next call travels
/// while one runs. A broken connection is replaced. `GateConnectionState` decides; this class owns the link
/// and carries out the actions.
public import CouponCore
public import Logging
public import NIOCore

/// One worker's way to the gate. Everything but the initializer is called on the event loop, which also calls
/// the delegate.
///
/// A call without a connection is answered `unavailable` in the next turn of the loop, never inside `send`.
/// Calls that were in flight when the connection broke may still run in Redis. They are answered
/// `interrupted` after the next connection is ready and has killed the old one (rule 14), however long that
/// takes.
public final class GateConnection: Gate {
    /// Gets the answers; held until `close`. Strong on purpose: a weak reference would touch the side table
    /// on every request.
    public var delegate: (any GateDelegate)?

    /// How long Redis may take to answer a probe.
    private static let probeTimeout = TimeAmount.seconds(2)
    /// How long Redis' settings are believed.
    private static let settingsPause = TimeAmount.seconds(1)

    private let eventLoop: any EventLoop
    private var options: RedisOptions
    private let dialer: RedisDialer
    private let logger: Logger
    private var state = GateConnectionState<RedisLink>()
    /// The rights that the Redis user lacked at the last probe; nil if none.
    private var missingRights: String?
    private var observation: TopologyObservation?
    /// The last warning of unsafe settings, if they are allowed.
    private var warnedOf: [String] = []
    /// The last call that Redis refused, without its requests, and why; nil once Redis judges calls again.
    private var refused: (reason: String, call: GateCall)?

    /// - Parameters:
    ///   - eventLoop: the worker's.
    ///   - options: where Redis is.
    ///   - logger: gets a line for each break, and for each unsafe setting that is allowed.
    public init(eventLoop: any EventLoop, options: RedisOptions, logger: Logger) {
        self.eventLoop = eventLoop
        self.options = options
        self.logger = logger
        dialer = RedisDialer(eventLoop: eventLoop, options: options)
    }

    /// Which Redis it reaches, checked and ready; nil if there is none.
    public var identity: RedisIdentity? { state.identity }

    /// Why no call can be sent now; nil if calls can be sent.
    public var outage: String? { state.outage }

    /// Whether it may be closed once its node has been gone for long.
    var mayBeGivenUp: Bool { state.mayBeGivenUp }

    /// Why calls fail now, or will fail after the next break; nil if no reason is known.
    public var trouble: String? {
        state.outage ?? refused?.reason
            ?? missingRights.map { RedisFault.missingRights($0).text }
    }

    /// The backlogs beyond which the gate refuses, from the next call on.
    public func use(backlogPerCoupon: Int64, backlogPerPartition: Int64) {
        options.backlogPerCoupon = backlogPerCoupon
        options.backlogPerPartition = backlogPerPartition
    }

    /// Connects, and again after each break, until `close`.
    public func start() {
        observation = options.observeTopology(on: eventLoop) { [weak self] in
            // Waiting for the end of a pause would only make a failover longer.
            if let self, state.dialDue() == .dial { dial() }
        }
        if state.start() == .dial { dial() }
    }

    /// Closes the connection and does not replace it; no answer comes any more.
    public func close() {
        delegate = nil
        observation = nil
        state.close()?.close(reason: "closed")
    }

    /// The same for a node that is gone. What was in flight when it broke is answered `interrupted`.
    func giveUp() {
        for (call, answer) in state.giveUp() { delegate?.gate(didAnswer: call, with: answer) }
        close()
    }

    /// Sends a call; its answer goes to the delegate.
    /// - Precondition: fewer than `Limits.gateCallsInFlight` calls are unanswered.
    public func send(_ call: GateCall) {
        switch state.send(call, at: .now()) {
        case .transmit(let number, let link, let digest):
            transmit(call, number, over: link, digest: digest)
        case .refuse(let reason):
            eventLoop.assumeIsolated().execute { [weak self] in
                self?.delegate?.gate(didAnswer: call, with: .unavailable(reason))
            }
        case .ignore: break
        }
    }

    /// Asks whether this is still the Redis of `identity`; if not, the connection is replaced.
    public func verify() {
        guard let link = state.readyLink else { return }
        link.send(RedisServerInfo.infoCommand) { [weak self] reply in
            let server = RedisServerInfo(info: reply, config: .none)
            if case .close(let reason) = self?.state.identified(server.identity) {
                link.close(reason: reason)
            }
        }
    }

    // MARK: Calls

    private func transmit(_ call: GateCall, _ number: Int, over link: RedisLink, digest: String) {
        link.send(Command(call, digest: digest, options: options)) { [weak self] reply in
            self?.handle(reply, to: number)
        }
    }

    private func handle(_ reply: Reply, to number: Int) {
        note(reply, "Redis refuses a gate call")
        switch state.replied(reply, to: number) {
        case .deliver: deliver()
        case .deliverAndClose(let link, let reason):
            deliver()
            link.close(reason: reason)
        case .loadScriptAndTransmit(let call, let link, let digest):
            link.send(GateHandshake.loadCommand) { _ in }
            transmit(call, number, over: link, digest: digest)
        case .ignore: break
        }
    }

    private func deliver() {
        while let (call, answer) = state.nextAnswer() {
            switch answer {
            case .unavailable(let reason): refused = (reason, call.withoutRequests)
            case .interrupted: break
            default: refused = nil
            }
            delegate?.gate(didAnswer: call, with: answer)
        }
    }

    /// Counts and logs an error reply, unless the script was missing: that is loaded again.
    private func note(_ reply: Reply, _ message: Logger.Message) {
        guard case .error(let text) = reply, !ErrorReply.isMissingScript(text) else { return }
        options.countRefusal(ErrorReply.cause(text))
        options.noteTopology(text)
        logger.warning(message, metadata: [LogKey.reason: "\(ErrorReply.refusal(text) ?? text)"])
    }

    // MARK: Probes

    /// Asks for a sign of life: whether the Redis user has all rights, and whether Redis still refuses calls.
    private func probe(_ link: RedisLink) {
        link.send(Script.rights.loadCommand) { [weak self] reply in
            guard let self else { return }
            guard let digest = reply.text else { return state.probeAnswered(over: link) }
            link.send(Command(askingFor: options.rights, digest: digest)) { [weak self] reply in
                self?.state.probeAnswered(over: link)
                if case .array = reply { self?.apply(missingRights: reply.missingRights) }
            }
        }
        guard let refused, let digest = state.digest else { return }
        link.send(Command(refused.call, digest: digest, options: options)) { [weak self] reply in
            if case .error(let text) = reply, ErrorReply.isMissingScript(text) {
                // The next probe sends the call again.
                link.send(GateHandshake.loadCommand) { _ in }
            } else if case .error(let text) = reply, !ErrorReply.isOfAnotherNode(text) {
                self?.refused?.reason = ErrorReply.refusal(text) ?? text
            } else {
                self?.refused = nil
            }
        }
    }

    private func apply(missingRights now: String?) {
        defer { missingRights = now }
        guard now != missingRights else { return }
        if let now {
            logger.warning("the Redis user lacks rights", metadata: [LogKey.rights: "\(now)"])
        } else {
            logger.notice("the Redis user has all rights again")
        }
    }

    // MARK: Settings

    /// Reads the settings each second, even with calls in flight (rule 15): CONFIG SET breaks no connection.
    /// No call waits for the answers.
    private func checkSettingsLater(of link: RedisLink) {
        eventLoop.assumeIsolated().scheduleTask(in: Self.settingsPause) { [weak self] in
            guard self?.state.readyLink === link else { return }
            var info = Reply.none
            link.send(RedisServerInfo.infoCommand) { info = $0 }
            link.send(RedisServerInfo.configCommand) { [weak self] in
                self?.judge(info: info, config: $0, over: link)
                self?.checkSettingsLater(of: link)
            }
        }
    }

    /// An answer that Redis refuses for a while, such as with BUSY, says nothing about its settings.
    private func judge(info: Reply, config: Reply, over link: RedisLink) {
        guard case .bytes = info else { return }
        if case .error(let text) = config, ErrorReply.refusal(text) != nil,
            ErrorReply.cause(text) != ErrorReply.noPermission
        {
            return
        }
        let server = RedisServerInfo(
            info: info, config: config, demandsReplicas: options.demandsReplicas)
        if options.allowUnsafeSettings { return warn(of: server.complaints) }
        guard !server.complaints.isEmpty else { return }
        if case .close(let reason) = state.breaches(link, reason: server.fault.text) {
            link.close(reason: reason)
        }
    }

    private func warn(of complaints: [String]) {
        defer { warnedOf = complaints }
        guard !complaints.isEmpty, complaints != warnedOf else { return }
        let text = complaints.joined(separator: "; ")
        logger.warning(
            "Redis runs with unsafe settings", metadata: [LogKey.settings: "\(text)"])
    }

    // MARK: Connecting

    private func dial() {
        dialer.dial { [weak self] result in
            switch result {
            case .success(let link):
                if let self { shakeHands(over: link) } else { link.close(reason: "closed") }
            case .failure(let failure): self?.broke(failure.reason)
            }
        }
    }

    private func shakeHands(over link: RedisLink) {
        let action = state.dialed(
            link, allowUnsafeSettings: options.allowUnsafeSettings,
            demandsReplicas: options.demandsReplicas)
        guard action == .startHandshake else { return link.close(reason: "closed") }
        link.didBreak = { [weak self] reason in self?.broke(reason) }
        for command in GateHandshake.commands { ask(command, over: link) }
        eventLoop.assumeIsolated().scheduleTask(
            in: .milliseconds(options.connectTimeoutMilliseconds)
        ) { [weak self] in
            if case .close(let reason) = self?.state.handshakeDeadline(of: link) {
                link.close(reason: reason)
            }
        }
    }

    private func ask(_ command: Command, over link: RedisLink) {
        link.send(command) { [weak self] reply in self?.handle(handshake: reply, over: link) }
    }

    private func handle(handshake reply: Reply, over link: RedisLink) {
        note(reply, "Redis refuses a connection")
        switch state.handshakeReplied(reply) {
        case .wait: break
        case .kill(let clientID):
            ask(Command("CLIENT", "KILL", "ID", String(clientID)), over: link)
        case .serve(let unsafeSettings): serve(over: link, unsafeSettings: unsafeSettings)
        case .close(let reason): link.close(reason: reason)
        }
    }

    private func serve(over link: RedisLink, unsafeSettings: [String]) {
        warn(of: unsafeSettings)
        watch(link)
        checkSettingsLater(of: link)
        deliver()
        delegate?.gateDidChange()
    }

    private func watch(_ link: RedisLink) {
        let timeout = TimeAmount.milliseconds(options.commandTimeoutMilliseconds)
        eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(timeout.nanoseconds / 4)) {
            [weak self] in
            guard let self else { return }
            let action = self.state.checkAnswers(
                of: link, now: .now(), timeout: timeout, probeTimeout: Self.probeTimeout)
            switch action {
            case .watchOn: self.watch(link)
            case .probe:
                self.probe(link)
                self.watch(link)
            case .close(let reason): link.close(reason: reason)
            case .stop: break
            }
        }
    }

    private func broke(_ reason: String) {
        guard case .dial(let pause, let isNews, let wasReady) = state.broke(reason) else { return }
        if let cause = RedisServerInfo.cause(of: reason) { options.countRefusal(cause) }
        logger.log(
            level: isNews ? .warning : .debug, "no connection to the gate",
            metadata: [LogKey.reason: "\(reason)"])
        eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(pause)) { [weak self] in
            if let self, state.dialDue() == .dial { dial() }
        }
        guard wasReady else { return }
        options.countLoss()
        delegate?.gateDidChange()
    }
}
