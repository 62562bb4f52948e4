/// A worker's callers who wait for ISSUED in one partition (rules 35 and 36).
///
/// An event answers a waiter of its epoch if the waiter was registered before it, the event follows on from
/// the last one seen, and the gate published it after the acceptance: in a Redis that was a replica for a
/// while, the same position may have been somebody else's. PostgreSQL is asked about all other waiters. A
/// position below the cursor is not enough: the request may have been rejected (rule 35).
internal import DequeModule

/// The waiters of one partition.
public struct WaitList {
    /// A caller that waits.
    public struct Waiter: Equatable, Sendable {
        /// The caller's ticket at the worker.
        public let ticket: UInt64
        /// The accepted request.
        public let accepted: AcceptedRequest
        /// Where it was queued.
        public let position: Position
        /// When the gate accepted it, by the gate's clock.
        public let judgedAt: Timestamp

        /// A caller that waits.
        public init(
            ticket: UInt64, accepted: AcceptedRequest, position: Position, judgedAt: Timestamp
        ) {
            self.ticket = ticket
            self.accepted = accepted
            self.position = position
            self.judgedAt = judgedAt
        }
    }

    /// A waiter's answer.
    public struct Answer: Equatable, Sendable {
        /// The caller's ticket.
        public let ticket: UInt64
        /// What became of the request. Nil if the cursor has passed it and there is no row: Redis lost it,
        /// and a retry is safe.
        public let outcome: Outcome?
    }

    /// The epoch of the last event; events of earlier ones are ignored.
    private var epoch: Epoch = 0
    /// Settled up to here, by the last event; nil if the subscription has had none.
    private var seen: Position?
    /// In order of n, all of `epoch` and after `seen`.
    private var covered: Deque<Waiter> = []
    /// To be asked of PostgreSQL.
    private var unresolved: Deque<Waiter> = []
    /// Being asked.
    private var asked: [Waiter] = []
    /// Whether an event came after the question, so its answer may be out of date.
    private var askedTooEarly = false
    /// Not decided when PostgreSQL was asked: asked again after an event or a second.
    private var undecided: [Waiter] = []

    /// No caller waits.
    public init() {}

    /// How many wait.
    public var count: Int {
        covered.count + unresolved.count + asked.count + undecided.count
    }

    /// Adds a waiter after the gate's reply.
    /// - Parameter isReplay: the request had been accepted before: PostgreSQL may have decided it already.
    public mutating func register(_ waiter: Waiter, isReplay: Bool) {
        if !isReplay && isCovered(waiter.position) {
            cover([waiter])
        } else {
            unresolved.append(waiter)
        }
    }

    /// Whether future events will cover this position.
    private func isCovered(_ position: Position) -> Bool {
        guard let seen else { return false }
        return position.epoch == epoch && position > seen
    }

    private mutating func cover(_ waiters: [Waiter]) {
        guard let first = waiters.first else { return }
        let isInOrder = covered.last.map { $0.position <= first.position } ?? true
        covered.append(contentsOf: waiters)
        if !isInOrder || waiters.count > 1 { covered.sort { $0.position < $1.position } }
    }

    /// The answers that an event gives.
    public mutating func receive(_ event: CompletionEvent) -> [Answer] {
        guard event.epoch >= epoch else { return [] }
        if event.epoch > epoch {
            resolveAll()
            epoch = event.epoch
        }
        let follows = seen == event.from && !event.resolve
        seen = event.to
        askAgain(upTo: event.to)
        guard !covered.isEmpty else { return [] }
        if follows { return answers(event) }
        while let first = covered.first, first.position <= event.to {
            unresolved.append(covered.removeFirst())
        }
        return []
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
            guard first.judgedAt <= event.publishedAt else {
                unresolved.append(first)
                continue
            }
            let sequence = first.accepted.sequence
            let reason = rejected[Key(coupon: first.accepted.coupon, sequence: sequence)]
            answers.append(
                Answer(
                    ticket: first.ticket,
                    outcome: reason.map { .rejected(sequence: sequence, reason: $0) }
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

    /// PostgreSQL has gone back, and gives out the same epochs again: events of lower epochs count too.
    mutating func restart() {
        loseTrack()
        epoch = 0
    }

    /// Asks again for waiters without an answer; called each second, in case events are lost.
    public mutating func askAgain() {
        unresolved += undecided
        undecided.removeAll()
    }

    /// Asks again for waiters that the cursor has passed.
    private mutating func askAgain(upTo position: Position) {
        askedTooEarly = true
        guard !undecided.isEmpty else { return }
        unresolved += undecided.filter { $0.position <= position }
        undecided.removeAll { $0.position <= position }
    }

    private mutating func resolveAll() {
        unresolved += covered
        covered.removeAll()
    }

    /// Keeps only the waiters with these tickets, and those being asked.
    public mutating func keep(_ isWanted: (UInt64) -> Bool) {
        covered.removeAll { !isWanted($0.ticket) }
        unresolved.removeAll { !isWanted($0.ticket) }
        undecided.removeAll { !isWanted($0.ticket) }
    }

    /// The waiters to ask PostgreSQL about now; empty while a question is in flight, or if nothing has
    /// changed.
    public mutating func dequeueQuestions(limit: Int) -> [AcceptedRequest] {
        guard asked.isEmpty, !unresolved.isEmpty else { return [] }
        asked = Array(unresolved.prefix(limit))
        unresolved.removeFirst(asked.count)
        askedTooEarly = false
        return asked.map(\.accepted)
    }

    /// PostgreSQL's answer to the last questions; nil if it could not be asked.
    public mutating func apply(_ decisions: Decisions?) -> [Answer] {
        let questions = asked
        asked = []
        guard let decisions, decisions.standings.count == questions.count else {
            undecided += questions
            return []
        }
        var answers: [Answer] = []
        var waiting: [Waiter] = []
        for (waiter, standing) in zip(questions, decisions.standings) {
            let outcome = standing?.outcome(for: waiter.accepted.requestID, waitsForIssue: true)
            if outcome != nil || waiter.position <= decisions.cursor {
                answers.append(Answer(ticket: waiter.ticket, outcome: outcome))
            } else {
                waiting.append(waiter)
            }
        }
        waitOn(waiting)
        return answers
    }

    /// PostgreSQL had not decided these when it was asked.
    private mutating func waitOn(_ waiters: [Waiter]) {
        cover(waiters.filter { isCovered($0.position) })
        for waiter in waiters where !isCovered(waiter.position) {
            if askedTooEarly && seen.map({ waiter.position <= $0 }) ?? false {
                unresolved.append(waiter)
            } else {
                undecided.append(waiter)
            }
        }
    }
}
