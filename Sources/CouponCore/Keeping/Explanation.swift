/// What became of a user's requests for a coupon, and why, in sentences: what gate, tables and trail have.
///
/// Refused requests leave nothing behind, so an explanation also says what cannot be known.
public struct Explanation: Sendable {
    let user: CouponUser
    let traces: UserTraces
    /// The gate, asked before the tables; nil if it could not be asked.
    let gate: GateInspection?
    /// Why it could not be asked.
    let gateFault: String?
    /// The state of the user's request by rule 37.
    let status: UserStatus
    /// Where it stands if it is queued.
    let place: QueuePlace?

    /// The sentences: first what follows, then the evidence, then what is not known.
    public var sentences: [Sentence] {
        [conclusion] + requests + gateSentences + offer + trail + limits
    }

    private func request(
        _ source: Sentence.Source, _ text: String, _ sequence: Int64, _ id: RequestID?,
        at moment: Timestamp? = nil
    ) -> Sentence {
        Sentence(source, text, sequence: sequence, requestID: id, at: moment)
    }

    // MARK: What follows

    private var conclusion: Sentence {
        let name = "user \(user.user.rawValue)"
        switch status {
        case .issued(let sequence, let moment):
            return request(
                .conclusion, "\(name) has coupon \(user.coupon.rawValue)", sequence,
                traces.issue?.requestID, at: moment)
        case .queued(let sequence):
            return request(
                .conclusion, "a request of \(name) was accepted and waits for its issue", sequence,
                gate?.holder?.requestID)
        case .rejected(let sequence, let reason):
            return request(
                .conclusion,
                "the last accepted request of \(name) ended without an issue: "
                    + reason.sentence, sequence, traces.lastRejection?.requestID)
        case .none where traces.coupon == nil:
            return Sentence(.conclusion, "there is no coupon \(user.coupon.rawValue)")
        case .none where isGateBelieved:
            return Sentence(
                .conclusion,
                "no accepted request of \(name) is known: the user never asked, or "
                    + "every request was refused")
        case .none:
            return Sentence(
                .conclusion,
                "no decided request of \(name) is known; one that is only queued "
                    + "would be known to the gate, which cannot say so now")
        }
    }

    // MARK: Requests

    private var requests: [Sentence] {
        let issue = traces.issue.map { issue in
            [
                request(
                    .tables, "the gate accepted the request", issue.sequence, issue.requestID,
                    at: issue.acceptedAt),
                request(
                    .tables, "the request was issued: its row is committed", issue.sequence,
                    issue.requestID, at: issue.issuedAt),
            ]
        }
        let rejections = traces.rejections.map {
            request(
                .tables,
                "a request was accepted, and rejected when it was to be issued: "
                    + $0.reason.sentence, $0.sequence, $0.requestID, at: $0.at)
        }
        return (issue ?? []) + rejections + traces.letters.flatMap { sentences(of: $0) }
    }

    private func sentences(of decided: DecidedLetter) -> [Sentence] {
        let (letter, accepted) = (decided.letter, decided.letter.accepted)
        func line(_ text: String, _ moment: Timestamp?) -> Sentence {
            Sentence(
                .tables, text, sequence: accepted?.sequence, requestID: accepted?.requestID,
                at: moment)
        }
        let begin = line(
            "a request was accepted, and PostgreSQL refused to issue it: it is dead letter "
                + "\(letter.id); PostgreSQL said: \(letter.error)", letter.createdAt)
        let end =
            switch letter.state {
            case .held:
                line("dead letter \(letter.id) keeps its slot until an admin decides", nil)
            case .redriven:
                line("an admin redrove dead letter \(letter.id): it was issued", decided.decidedAt)
            case .discarded:
                line(
                    "an admin discarded dead letter \(letter.id): its slot is free, and the user "
                        + "may ask again", decided.decidedAt)
            }
        return [begin, end]
    }

    // MARK: Gate and queue

    /// Whether the gate may say that it knows nothing of a user.
    private var isGateBelieved: Bool { CouponKeeper.isKnown(openGate, traces.partition) }

    private var openGate: GateInspection? { gate?.status == .open ? gate : nil }

    private var gateSentences: [Sentence] {
        guard let gate else {
            return [
                Sentence(.gate, "the gate cannot be asked: \(gateFault ?? "no reason is known")")
            ]
        }
        guard gate.status == .open else {
            return [
                Sentence(
                    .gate,
                    "the gate is not open: it is rebuilt from the tables and the queue, and "
                        + "what it knows is not used until then")
            ]
        }
        guard isGateBelieved else {
            return [
                Sentence(
                    .gate,
                    "the gate is not the one that PostgreSQL knows: its data may be older, "
                        + "and it will be rebuilt")
            ]
        }
        guard let record = gate.record else {
            return [
                Sentence(
                    .gate, "the gate does not hold the coupon, so none of its requests is queued")
            ]
        }
        let figures = Sentence(
            .gate,
            "the gate holds the coupon in epoch \(gate.epoch): \(record.used) slots are "
                + "used, \(record.queued) requests are queued")
        return [figures]
            + (gate.holder.map { holder($0, gate) } ?? [
                Sentence(.gate, "the gate does not know the user")
            ])
    }

    private func holder(_ holder: GateHolder, _ gate: GateInspection) -> [Sentence] {
        func line(_ source: Sentence.Source, _ text: String) -> Sentence {
            request(source, text, holder.sequence, holder.requestID)
        }
        if let reason = holder.rejection {
            return [line(.gate, "the gate has the request as rejected: \(reason.sentence)")]
        }
        if holder.position == .zero {
            return [line(.gate, "the gate has the user as a holder, as the tables say")]
        }
        guard holder.position > gate.settled else {
            let isDecided = status != .queued(sequence: holder.sequence)
            return [
                line(
                    .gate,
                    "the gate accepted the request at position \(holder.position), which "
                        + "is settled"
                        + (isDecided
                            ? ""
                            : "; the tables had no row of it yet. If that stays so, run: "
                                + "couponctl verify --coupon \(user.coupon.rawValue)"))
            ]
        }
        let accepted = line(
            .gate, "the gate accepted the request at position \(holder.position)")
        let time = place?.milliseconds.map { ", in about \($0) ms" } ?? ""
        return [
            accepted,
            line(
                .queue,
                "the queue is settled up to \(gate.settled): "
                    + "\(place?.ahead ?? 0) requests of the coupon are decided before it\(time)"),
        ]
    }

    // MARK: The offer and its changes

    private var offer: [Sentence] {
        guard let coupon = traces.coupon else { return [] }
        let total = coupon.total.map { "of \($0)" } ?? "of any number"
        let state = Sentence(
            .tables, "the coupon is \(coupon.state.name), and \(coupon.issued) \(total) are issued")
        let window = [
            Sentence(.tables, "the window opens", at: coupon.window.opens),
            Sentence(.tables, "the window closes", at: coupon.window.closes),
        ]
        return [state] + window + (outcomeNow(of: coupon).map { [Sentence(.conclusion, $0)] } ?? [])
    }

    /// How a new request of the user would be refused, by the tables and the gate's clock.
    private func outcomeNow(of coupon: Coupon) -> String? {
        guard status == .none, let now = openGate?.now else { return nil }
        let isFull = coupon.isSoldOut || openGate?.record?.isFull == true
        let outcome: Outcome? =
            switch coupon.state {
            case .closed: .closed
            case .paused: .paused
            case .active where now < coupon.window.opens: .notOpen(opens: coupon.window.opens)
            case .active where now >= coupon.window.closes: .ended
            case .active: isFull ? .soldOut : nil
            }
        return outcome.map { "a request now would be refused as \($0.name)" }
    }

    private var trail: [Sentence] {
        traces.trail.map { line in
            let call = line.action.call
            return Sentence(
                .trail,
                "\(call.principal) at \(call.address) called \(call.method): "
                    + line.action.outcome, at: line.at)
        }
    }

    // MARK: What is not known

    private var limits: [Sentence] {
        var lines: [String] = []
        if traces.hasUnreadable {
            lines.append(
                "the partition has dead letters that name no user: one may be of this user")
        }
        if traces.partition.epoch > 1 {
            lines.append(
                "the gate is in epoch \(traces.partition.epoch): requests that an earlier gate had "
                    + "accepted and Redis then lost are known to nobody")
        }
        for (name, count) in [
            ("rejections", traces.rejections.count), ("dead letters", traces.letters.count),
            ("lines of the trail", traces.trail.count),
        ] where count == UserTraces.limit {
            lines.append("only the latest \(count) \(name) are shown; there may be more")
        }
        lines.append(
            "not looked at: refused requests, which leave nothing behind; the entries of the "
                + "queue; the log")
        return lines.map { Sentence(.conclusion, $0) }
    }
}

extension UserTraces {
    /// The latest rejection, or dead letter that is not issued: the last row of the view `rejection`.
    var lastRejection: RejectionTrace? {
        let letters = letters.compactMap { decided -> RejectionTrace? in
            let letter = decided.letter
            guard let accepted = letter.accepted, letter.state != .redriven else { return nil }
            return RejectionTrace(
                sequence: accepted.sequence, requestID: accepted.requestID,
                reason: letter.state == .held ? .deadLetter : .discarded,
                position: letter.position, at: letter.createdAt)
        }
        return (rejections + letters).max {
            ($0.position, $0.sequence) < ($1.position, $1.sequence)
        }
    }

    /// The user's state by the tables alone.
    var standing: UserStanding? {
        if let issue {
            return .issued(sequence: issue.sequence, requestID: issue.requestID, at: issue.issuedAt)
        }
        return lastRejection.map {
            .rejected(sequence: $0.sequence, requestID: $0.requestID, reason: $0.reason)
        }
    }
}

extension RejectionReason {
    fileprivate var sentence: String {
        switch self {
        case .soldOut:
            "the total was used up in PostgreSQL, because its tables were changed without the gate"
        case .alreadyIssued: "the user had the coupon through another request already"
        case .notFound: "the coupon was no longer in PostgreSQL"
        case .deadLetter: "PostgreSQL refused it, and its dead letter waits for an admin"
        case .discarded: "PostgreSQL refused it, and an admin discarded its dead letter"
        }
    }
}
