/// What PostgreSQL knows of a user and a coupon, and what follows from it: the answer to a request of that
/// user, and the user's status.
public enum UserStanding: Equatable, Sendable {
    /// A committed issue.
    case issued(sequence: Int64, requestID: RequestID, at: Timestamp)
    /// A rejection or a held dead letter.
    case rejected(sequence: Int64, requestID: RequestID, reason: RejectionReason)

    /// The answer to a request of the user, as the gate would answer: the same request gets its result again,
    /// another one a duplicate. Nil if the user's last request has ended, so that another request may try.
    func outcome(for asked: RequestID, waitsForIssue: Bool) -> Outcome? {
        switch self {
        case .issued(let sequence, let requestID, let at) where requestID == asked:
            waitsForIssue ? .issued(sequence: sequence, at: at) : .accepted(sequence: sequence)
        case .issued(let sequence, _, _):
            .duplicate(sequence: sequence, state: .issued)
        case .rejected(let sequence, let requestID, let reason) where requestID == asked:
            .rejected(sequence: sequence, reason: reason)
        case .rejected(let sequence, _, .deadLetter):
            .duplicate(sequence: sequence, state: .rejected)
        case .rejected:
            nil
        }
    }
}

extension UserStatus {
    /// PostgreSQL's issue, else the gate's holder if it is queued, else PostgreSQL's rejection.
    init(_ standing: UserStanding?, _ view: GateInspection?) {
        if case .issued(let sequence, _, let at) = standing {
            self = .issued(sequence: sequence, at: at)
            return
        }
        var rejected = UserStatus.none
        var last: Int64?
        if case .rejected(let sequence, _, let reason) = standing {
            rejected = .rejected(sequence: sequence, reason: reason)
            last = sequence
        }
        if let holder = view?.holder, holder.rejection == nil, holder.position > .zero,
            holder.sequence != last
        {
            self = .queued(sequence: holder.sequence)
        } else {
            self = rejected
        }
    }
}
