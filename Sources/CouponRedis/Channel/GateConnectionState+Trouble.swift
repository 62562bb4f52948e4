/// When a gate connection that serves is closed, and when the next one is dialled.
internal import CouponCore
internal import NIOCore

extension GateConnectionState {
    enum WatchAction: Equatable {
        case watchOn
        /// Nothing is in flight: send a probe, and keep watching.
        case probe
        case close(reason: String)
        case stop
    }

    /// A connection whose peer has vanished reports nothing, so it is closed if an answer does not come in
    /// time. While no call is in flight, a probe is sent instead.
    mutating func checkAnswers(
        of link: Link, now: NIODeadline, timeout: TimeAmount, probeTimeout: TimeAmount
    ) -> WatchAction {
        guard readyLink === link else { return .stop }
        switch consume state {
        case .ready(var service):
            let action: WatchAction
            // With calls in flight their timeout counts: Redis may stand still for a while.
            let isLate =
                service.calls.oldestSentAt.map { $0 + timeout < now }
                ?? service.probedAt.map { $0 + probeTimeout < now } ?? false
            if isLate {
                action = .close(reason: "Redis does not answer")
            } else if service.probedAt == nil, service.calls.oldestSentAt == nil {
                service.probedAt = now
                action = .probe
            } else {
                action = .watchOn
            }
            self = Self(.ready(service))
            return action
        case let other:
            self = Self(other)
            return .stop
        }
    }

    /// Redis has answered the probe over this link.
    mutating func probeAnswered(over link: Link) {
        switch consume state {
        case .ready(var service):
            if service.link === link { service.probedAt = nil }
            self = Self(.ready(service))
        case let other: self = Self(other)
        }
    }

    /// What Redis says of itself now; nil if it does not say.
    func identified(_ now: RedisIdentity?) -> CloseAction {
        guard let now, let identity, now != identity else { return .ignore }
        return .close(reason: "Redis was replaced, restarted or promoted")
    }

    /// Redis breaks promise 3 now (rule 15). Calls sent before that are answered, and then the link closes:
    /// the next handshake finds out whether the settings are right again.
    mutating func breaches(_ link: Link, reason: String) -> CloseAction {
        guard readyLink === link else { return .ignore }
        switch consume state {
        case .ready(var service):
            service.breach = reason
            let isIdle = service.calls.areAnswered
            self = Self(.ready(service))
            return isIdle ? .close(reason: reason) : .ignore
        case let other:
            self = Self(other)
            return .ignore
        }
    }

    enum BreakAction: Equatable {
        /// Dial again after a pause. The delegate learns of the break if the connection was ready.
        /// A break is news if it is the first one, or has another reason than the one before.
        case dial(afterMilliseconds: Int64, isNews: Bool, wasReady: Bool)
        case ignore
    }

    /// A dial failed, or the link closed.
    mutating func broke(_ reason: String) -> BreakAction {
        switch consume state {
        case .dialing(var outage):
            let action = outage.fail(reason, wasReady: false)
            self = Self(.waiting(outage))
            return action
        case .shakingHands(let introduction):
            var outage = introduction.outage
            let action = outage.fail(reason, wasReady: false)
            self = Self(.waiting(outage))
            return action
        case .ready(let service):
            var outage = Outage(ending: service, reason: reason)
            let action = outage.fail(reason, wasReady: true)
            self = Self(.waiting(outage))
            return action
        case let other:
            self = Self(other)
            return .ignore
        }
    }

    /// Nobody waits any longer for a connection that could kill the last one (rule 14).
    /// - Returns: the calls that were left from before the break, and their answers.
    mutating func giveUp() -> [(call: GateCall, answer: GateAnswer)] {
        switch consume state {
        case .waiting(var outage):
            let left = outage.calls.giveUp(reason: outage.reason)
            self = Self(.waiting(outage))
            return left
        case .dialing(var outage):
            let left = outage.calls.giveUp(reason: outage.reason)
            self = Self(.dialing(outage))
            return left
        case .shakingHands(var introduction):
            let left = introduction.outage.calls.giveUp(reason: introduction.outage.reason)
            self = Self(.shakingHands(introduction))
            return left
        case let other:
            self = Self(other)
            return []
        }
    }

    /// Drops every call.
    /// - Returns: the link to close.
    mutating func close() -> Link? {
        switch consume state {
        case .shakingHands(let introduction):
            self = Self(.closed)
            return introduction.link
        case .ready(let service):
            self = Self(.closed)
            return service.link
        default:
            self = Self(.closed)
            return nil
        }
    }
}
