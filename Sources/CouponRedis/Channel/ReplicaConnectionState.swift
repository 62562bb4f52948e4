/// A replica connection as a state machine without I/O: when to dial, when to answer.
/// ``ReplicaConnection`` reports what happened and carries out the actions.
internal import CouponCore
internal import NIOCore

/// - Parameter Link: an open connection; only its identity matters here.
struct ReplicaConnectionState<Link: AnyObject>: ~Copyable {
    private enum State: ~Copyable {
        /// No connection and no question.
        case idle(Pause)
        /// A question waits for the moment of the next dial.
        case waiting(Pause)
        /// A question waits for the connection.
        case dialing(BackOff)
        /// The question is sent.
        case asking(Link, BackOff)
        /// The last question is answered.
        case connected(Link, BackOff)
        case closed
    }

    /// Questions follow each other as fast as requests, so a dial waits after a failure.
    private struct Pause {
        let until: NIODeadline
        let backOff: BackOff

        init(after failed: BackOff, now: NIODeadline) {
            var backOff = failed
            until = now + .milliseconds(backOff.next())
            self.backOff = backOff
        }

        /// Before the first dial. Pauses are short, because callers of accepted requests wait for the answer.
        init() {
            until = .uptimeNanoseconds(0)
            backOff = BackOff(longest: 500)
        }
    }

    private var state: State

    init() { state = .idle(Pause()) }

    private init(_ state: consuming State) { self.state = state }

    // MARK: Asking

    enum AskAction {
        case send(over: Link)
        case dial(at: NIODeadline)
        case ignore
    }

    mutating func ask() -> AskAction {
        switch consume state {
        case .idle(let pause):
            self = Self(.waiting(pause))
            return .dial(at: pause.until)
        case .connected(let link, let backOff):
            self = Self(.asking(link, backOff))
            return .send(over: link)
        case .closed:
            self = Self(.closed)
            return .ignore
        default: preconditionFailure("one question at a time")
        }
    }

    enum DialAction: Equatable {
        case dial
        case ignore
    }

    /// The moment of a planned dial has come.
    mutating func dialDue() -> DialAction {
        switch consume state {
        case .waiting(let pause):
            self = Self(.dialing(pause.backOff))
            return .dial
        case let other:
            self = Self(other)
            return .ignore
        }
    }

    enum DialedAction: Equatable {
        /// Send the question over the new link.
        case send
        case close
    }

    mutating func dialed(_ link: Link) -> DialedAction {
        switch consume state {
        case .dialing(let backOff):
            self = Self(.asking(link, backOff))
            return .send
        case .waiting(let pause):
            // This dial was for an earlier question, which was given up.
            self = Self(.asking(link, pause.backOff))
            return .send
        case let other:
            self = Self(other)
            return .close
        }
    }

    enum AnswerAction: Equatable {
        case deliver
        case ignore
    }

    mutating func answered() -> AnswerAction {
        switch consume state {
        case .asking(let link, var backOff):
            backOff.reset()
            self = Self(.connected(link, backOff))
            return .deliver
        case let other:
            self = Self(other)
            return .ignore
        }
    }

    // MARK: Trouble

    enum DeadlineAction {
        /// Close the link, which breaks it.
        case close(Link)
        /// Report that it broke.
        case breakOff
        case ignore
    }

    /// The time for the question is over.
    func questionDeadline() -> DeadlineAction {
        switch state {
        case .asking(let link, _): .close(link)
        case .waiting: .breakOff
        case .dialing: .breakOff
        default: .ignore
        }
    }

    enum BreakAction: Equatable {
        /// Log it and answer the question with nil.
        case answer(isFirstFailure: Bool)
        /// Log it; there is no question.
        case log(isFirstFailure: Bool)
        case ignore
    }

    /// A dial failed.
    mutating func dialFailed(at now: NIODeadline) -> BreakAction {
        switch consume state {
        case .asking(let link, let backOff):
            // The dial was for an earlier question.
            self = Self(.asking(link, backOff))
            return .ignore
        case .connected(let link, let backOff):
            self = Self(.connected(link, backOff))
            return .ignore
        case let other:
            self = Self(other)
            return broke(at: now)
        }
    }

    /// The link closed, or the question's time was over before there was one.
    mutating func broke(at now: NIODeadline) -> BreakAction {
        switch consume state {
        case .idle(let pause):
            self = Self(.idle(Pause(after: pause.backOff, now: now)))
            return .log(isFirstFailure: pause.backOff.failures == 0)
        case .connected(_, let backOff):
            self = Self(.idle(Pause(after: backOff, now: now)))
            return .log(isFirstFailure: backOff.failures == 0)
        case .waiting(let pause):
            self = Self(.idle(Pause(after: pause.backOff, now: now)))
            return .answer(isFirstFailure: pause.backOff.failures == 0)
        case .dialing(let backOff):
            self = Self(.idle(Pause(after: backOff, now: now)))
            return .answer(isFirstFailure: backOff.failures == 0)
        case .asking(_, let backOff):
            self = Self(.idle(Pause(after: backOff, now: now)))
            return .answer(isFirstFailure: backOff.failures == 0)
        case .closed:
            self = Self(.closed)
            return .ignore
        }
    }

    /// - Returns: the link to close.
    mutating func close() -> Link? {
        switch consume state {
        case .asking(let link, _):
            self = Self(.closed)
            return link
        case .connected(let link, _):
            self = Self(.closed)
            return link
        default:
            self = Self(.closed)
            return nil
        }
    }
}
