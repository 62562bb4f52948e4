/// A worker's callers who wait for ISSUED in one partition (rules 35 and 36).
///
/// An event answers only those waiters that were registered before it, in its epoch, when it follows on
/// from the last one seen. Everybody else is resolved: asked of PostgreSQL, which alone knows (SAFETY,
/// hole 2: a watermark alone tells ISSUED for requests that were not).
internal import DequeModule

/// The waiters of one partition.
public struct WaitList {
    /// Somebody who waits.
    public struct Waiter: Equatable, Sendable {
        /// The caller's ticket at the worker.
        public let ticket: UInt64
        /// The accepted request.
        public let holding: Holding
        /// Where it was queued.
        public let position: Position

        /// Somebody who waits.
        public init(ticket: UInt64, holding: Holding, position: Position) {
            self.ticket = ticket
            self.holding = holding
            self.position = position
        }
    }

    /// What a waiter is told.
    public struct Answer: Equatable, Sendable {
        /// The caller's ticket.
        public let ticket: UInt64
        /// What became of the request.
        public let fate: Fate
    }

    /// What became of a request.
    public enum Fate: Equatable, Sendable {
        /// Committed.
        case issued(sequence: Int64, at: Timestamp)
        /// Another request of this user is committed.
        case duplicate(sequence: Int64)
        /// Ended without an issue.
        case rejected(sequence: Int64, reason: RejectionReason)
        /// The cursor has passed it and there is no row: Redis lost it. A retry is safe.
        case lost(sequence: Int64)
    }

    /// The epoch of the last event; events of earlier ones are ignored.
    private var epoch: Epoch = 0
    /// Settled up to here, by the last event; nil while none was heard.
    private var seen: Position?
    /// In order of n, all of `epoch` and after `seen`.
    private var covered: Deque<Waiter> = []
    /// To be asked of PostgreSQL.
    private var unresolved: [Waiter] = []
    private var shouldAsk = false
    private var asked: [Waiter] = []

    /// Nobody waits.
    public init() {}

    /// How many wait.
    public var count: Int { covered.count + unresolved.count + asked.count }

    /// Adds a waiter after the gate's reply.
    /// - Parameter isReplay: the request had been accepted before: PostgreSQL may have decided it already.
    public mutating func register(_ waiter: Waiter, isReplay: Bool) {
        if !isReplay && isCovered(waiter.position) {
            covered.append(waiter)
        } else {
            unresolved.append(waiter)
            shouldAsk = true
        }
    }

    private func isCovered(_ position: Position) -> Bool {
        guard let seen, position.epoch == epoch, position > seen else { return false }
        return covered.last.map { $0.position <= position } ?? true
    }

    /// The answers that an event gives.
    public mutating func hear(_ event: CompletionEvent) -> [Answer] {
        guard event.epoch >= epoch else { return [] }
        if event.epoch > epoch {
            resolveAll()
            epoch = event.epoch
        }
        defer {
            seen = event.to
            shouldAsk = shouldAsk || !unresolved.isEmpty
        }
        let follows = seen == event.from && !event.resolve
        guard !covered.isEmpty, event.to.epoch == epoch else { return [] }
        guard follows else {
            while let first = covered.first, first.position <= event.to {
                unresolved.append(covered.removeFirst())
            }
            return []
        }
        return answers(event)
    }

    private mutating func answers(_ event: CompletionEvent) -> [Answer] {
        var rejected: [Key: RejectionReason] = [:]
        for rejection in event.rejections {
            let key = Key(coupon: rejection.coupon, sequence: rejection.sequence)
            rejected[key] = rejection.reason
        }
        var answers: [Answer] = []
        while let first = covered.first, first.position <= event.to {
            covered.removeFirst()
            let sequence = first.holding.sequence
            let reason = rejected[Key(coupon: first.holding.coupon, sequence: sequence)]
            answers.append(
                Answer(
                    ticket: first.ticket,
                    fate: reason.map { .rejected(sequence: sequence, reason: $0) }
                        ?? .issued(sequence: sequence, at: event.issuedAt)))
        }
        return answers
    }

    private struct Key: Hashable {
        let coupon: CouponID
        let sequence: Int64
    }

    /// The subscription broke or came back: events may be missing.
    public mutating func loseTrack() {
        seen = nil
        resolveAll()
    }

    /// Asks again for those whom nothing has answered; called each second, should events stay away.
    public mutating func askAgain() { shouldAsk = shouldAsk || !unresolved.isEmpty }

    /// Lets go of those who have been answered otherwise, at their deadline: while PostgreSQL is away
    /// nothing else would, and there is no end of them.
    public mutating func keep(_ isWaiting: (UInt64) -> Bool) {
        covered.removeAll { !isWaiting($0.ticket) }
        unresolved.removeAll { !isWaiting($0.ticket) }
    }

    private mutating func resolveAll() {
        shouldAsk = shouldAsk || !covered.isEmpty
        unresolved += covered
        covered.removeAll()
    }

    /// Whom to ask of PostgreSQL now; empty while an answer is awaited, or nothing has happened since.
    public mutating func takeQuestions(limit: Int) -> [Holding] {
        guard asked.isEmpty, shouldAsk, !unresolved.isEmpty else { return [] }
        asked = Array(unresolved.prefix(limit))
        unresolved.removeFirst(asked.count)
        shouldAsk = !unresolved.isEmpty
        return asked.map(\.holding)
    }

    /// PostgreSQL's answer to the last questions; nil where it could not be asked.
    public mutating func takeDecisions(_ decisions: Decisions?) -> [Answer] {
        let questions = asked
        asked = []
        guard let decisions, decisions.standings.count == questions.count else {
            unresolved += questions
            shouldAsk = false  // until the next second: PostgreSQL is away
            return []
        }
        var answers: [Answer] = []
        for (waiter, standing) in zip(questions, decisions.standings) {
            if let fate = fate(of: waiter, standing, cursor: decisions.cursor) {
                answers.append(Answer(ticket: waiter.ticket, fate: fate))
            } else if isCovered(waiter.position) {
                covered.append(waiter)
            } else {
                unresolved.append(waiter)
                // The event that passed it came between PostgreSQL's answer and now.
                if let seen, waiter.position <= seen { shouldAsk = true }
            }
        }
        return answers
    }

    private func fate(of waiter: Waiter, _ standing: UserStanding?, cursor: Position) -> Fate? {
        switch standing {
        case .issued(let sequence, let requestID, let at):
            requestID == waiter.holding.requestID
                ? .issued(sequence: sequence, at: at) : .duplicate(sequence: sequence)
        case .rejected(let sequence, _, let reason): .rejected(sequence: sequence, reason: reason)
        case nil:
            waiter.position <= cursor ? .lost(sequence: waiter.holding.sequence) : nil
        }
    }
}
