/// A gate connection as a state machine without I/O: when to dial, how a call is answered, when to close.
/// ``GateConnection`` reports what happened and carries out the actions.
internal import CouponCore
internal import NIOCore

/// - Parameter Link: an open connection; only its identity matters here.
struct GateConnectionState<Link: AnyObject>: ~Copyable {
    enum State: ~Copyable {
        case idle
        /// The next dial is planned.
        case waiting(Outage)
        case dialing(Outage)
        case shakingHands(Introduction)
        case ready(Service)
        case closed
    }

    /// No connection is ready.
    struct Outage: ~Copyable {
        /// Why, for callers.
        var reason: String
        /// The last session; Redis may still run calls of its connection.
        var previous: GateSession?
        /// What that session left unanswered.
        var calls = GateCallsInFlight()
        var backOff = BackOff()

        init(reason: String) { self.reason = reason }

        init(ending service: consuming Service, reason: String) {
            self.reason = reason
            previous = service.session
            calls = service.calls
        }

        /// - Returns: how long to wait before the next dial.
        mutating func fail(_ reason: String, wasReady: Bool) -> BreakAction {
            let isNews = backOff.failures == 0 || reason != self.reason
            self.reason = reason
            return .dial(afterMilliseconds: backOff.next(), isNews: isNews, wasReady: wasReady)
        }
    }

    /// A connection that is not ready yet.
    struct Introduction: ~Copyable {
        let link: Link
        var handshake: GateHandshake
        var outage: Outage
    }

    /// A connection that carries calls.
    struct Service: ~Copyable {
        let link: Link
        let session: GateSession
        var calls: GateCallsInFlight
        /// When the unanswered probe was sent; nil if there is none.
        var probedAt: NIODeadline?
        /// How Redis breaks promise 3 now; then no call is sent, and the last answer closes the link.
        var breach: String?
    }

    private static var initialReason: String { "not connected to Redis yet" }

    var state: State

    init() { state = .idle }

    init(_ state: consuming State) { self.state = state }

    /// Which Redis it reaches; nil if no connection is ready.
    var identity: RedisIdentity? {
        switch state {
        case .ready(let service): service.session.identity
        default: nil
        }
    }

    /// The connection that is ready for calls.
    var readyLink: Link? {
        switch state {
        case .ready(let service): service.link
        default: nil
        }
    }

    /// The name of gate.lua at that connection.
    var digest: String? {
        switch state {
        case .ready(let service): service.session.digest
        default: nil
        }
    }

    /// Why no call can be sent; nil if calls can be sent.
    var outage: String? {
        switch state {
        case .ready(let service): service.breach
        case .idle: Self.initialReason
        case .waiting(let outage): outage.reason
        case .dialing(let outage): outage.reason
        case .shakingHands(let introduction): introduction.outage.reason
        case .closed: "the gate connection is closed"
        }
    }

    /// Whether it may be closed once its node has been gone for long. Then a call that is left from before a
    /// break cannot be accepted any more, if its node still lives: the last moment for that has passed (rule
    /// 12).
    var mayBeGivenUp: Bool {
        switch state {
        case .ready(let service): service.calls.isEmpty
        default: true
        }
    }

    // MARK: Dialing

    enum DialAction: Equatable {
        case dial
        case ignore
    }

    mutating func start() -> DialAction {
        switch consume state {
        case .idle:
            self = Self(.dialing(Outage(reason: Self.initialReason)))
            return .dial
        case let other:
            self = Self(other)
            return .ignore
        }
    }

    /// The pause after a failure is over.
    mutating func dialDue() -> DialAction {
        switch consume state {
        case .waiting(let outage):
            self = Self(.dialing(outage))
            return .dial
        case let other:
            self = Self(other)
            return .ignore
        }
    }

    enum DialedAction: Equatable {
        case startHandshake
        case close
    }

    mutating func dialed(
        _ link: Link, allowUnsafeSettings: Bool, demandsReplicas: Bool = false
    ) -> DialedAction {
        switch consume state {
        case .dialing(let outage):
            let handshake = GateHandshake(
                previous: outage.previous, allowUnsafeSettings: allowUnsafeSettings,
                demandsReplicas: demandsReplicas)
            self = Self(
                .shakingHands(Introduction(link: link, handshake: handshake, outage: outage)))
            return .startHandshake
        case let other:
            self = Self(other)
            return .close
        }
    }

    // MARK: Handshake

    enum HandshakeAction: Equatable {
        case wait
        /// Kill the old connection and report the reply.
        case kill(clientID: Int64)
        /// Watch the link, deliver the answers, report the change.
        case serve(unsafeSettings: [String])
        case close(reason: String)
    }

    mutating func handshakeReplied(_ reply: Reply) -> HandshakeAction {
        switch consume state {
        case .shakingHands(var introduction):
            let step = introduction.handshake.received(reply)
            if case .finished(let session) = step {
                self = Self(.ready(Self.service(introduction, session)))
                return .serve(unsafeSettings: session.unsafeSettings)
            }
            self = Self(.shakingHands(introduction))
            return switch step {
            case .wait, .finished: .wait
            case .kill(let clientID): .kill(clientID: clientID)
            case .failed(let reason): .close(reason: reason)
            }
        case let other:
            self = Self(other)
            return .wait
        }
    }

    /// The old connection is gone, so its calls can be answered (rule 14).
    private static func service(
        _ introduction: consuming Introduction, _ session: GateSession
    ) -> Service {
        let link = introduction.link
        var outage = introduction.outage
        outage.calls.interrupt(reason: outage.reason)
        return Service(link: link, session: session, calls: outage.calls, probedAt: nil)
    }

    enum CloseAction: Equatable {
        case close(reason: String)
        case ignore
    }

    /// The time for a handshake over this link is over.
    func handshakeDeadline(of link: Link) -> CloseAction {
        switch state {
        case .shakingHands(let introduction) where introduction.link === link:
            .close(reason: "Redis did not answer the handshake")
        default: .ignore
        }
    }

    // MARK: Calls

    enum SendAction {
        /// Write the call and report its reply with this number.
        case transmit(number: Int, over: Link, digest: String)
        /// Answer the call `unavailable` in the next turn of the loop.
        case refuse(reason: String)
        case ignore
    }

    mutating func send(_ call: GateCall, at now: NIODeadline) -> SendAction {
        switch consume state {
        case .ready(var service):
            if let breach = service.breach {
                self = Self(.ready(service))
                return .refuse(reason: breach)
            }
            let number = service.calls.append(call, at: now)
            let action = SendAction.transmit(
                number: number, over: service.link, digest: service.session.digest)
            self = Self(.ready(service))
            return action
        case let other:
            self = Self(other)
            return outage.map { .refuse(reason: $0) } ?? .ignore
        }
    }

    enum ReplyAction {
        /// Deliver what `nextAnswer` gives.
        case deliver
        /// Deliver, then close the link.
        case deliverAndClose(Link, reason: String)
        /// Load the script and write the call once more.
        case loadScriptAndTransmit(GateCall, over: Link, digest: String)
        case ignore
    }

    mutating func replied(_ reply: Reply, to number: Int) -> ReplyAction {
        switch consume state {
        case .ready(var service):
            let action = Self.apply(reply, to: number, &service)
            self = Self(.ready(service))
            return action
        case let other:
            self = Self(other)
            return .ignore
        }
    }

    private static func apply(
        _ reply: Reply, to number: Int, _ service: inout Service
    ) -> ReplyAction {
        guard case .error(let text) = reply else {
            service.calls.answer(number, with: reply)
            return afterAnswer(service)
        }
        // A call without its script did not run. The digest is that of the same text, so it stays.
        if ErrorReply.isMissingScript(text), let call = service.calls.retry(number) {
            return .loadScriptAndTransmit(
                call, over: service.link, digest: service.session.digest)
        }
        service.calls.answer(number, with: reply)
        // The next dial may find the new master by the same name.
        return ErrorReply.code(text) == "READONLY"
            ? .deliverAndClose(service.link, reason: "Redis became a replica")
            : afterAnswer(service)
    }

    private static func afterAnswer(_ service: borrowing Service) -> ReplyAction {
        guard let breach = service.breach, service.calls.areAnswered else { return .deliver }
        return .deliverAndClose(service.link, reason: breach)
    }

    /// The next call whose answer is known, if no earlier call waits for its own.
    mutating func nextAnswer() -> (call: GateCall, answer: GateAnswer)? {
        switch consume state {
        case .ready(var service):
            let next = service.calls.next()
            self = Self(.ready(service))
            return next
        case let other:
            self = Self(other)
            return nil
        }
    }
}
