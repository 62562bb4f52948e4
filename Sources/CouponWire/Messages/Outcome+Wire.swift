// The answer to an issue request.

internal import CCouponProto
internal import CouponDomain

extension Coupond__V1__IssueResponse: WireMessage {}

extension MessageArena {
    @_lifetime(borrow self)
    func issue(_ outcome: Outcome) throws(Failure) -> Part<Coupond__V1__IssueResponse> {
        let part = try make(Coupond__V1__IssueResponse.self)
        part.fill(outcome)
        return part
    }
}

extension Part where Message == Coupond__V1__IssueResponse {
    /// Sets every field, because the struct has the values of an earlier answer.
    func fill(_ from: Outcome) {
        self.sequence = 0
        self.issued_at = 0
        self.state = COUPOND__V1__USER_STATE__USER_STATE_NONE
        self.opens_at = 0
        self.reason = COUPOND__V1__REJECTION_REASON__REJECTION_REASON_UNSPECIFIED
        self.outcome = Coupond__V1__Outcome(rawValue: UInt32(from.kind.rawValue))
        switch from {
        case .accepted(let number): self.sequence = number
        case .issued(let number, let moment):
            self.sequence = number
            self.issued_at = moment.microseconds
        case .duplicate(let number, let holder):
            self.sequence = number
            self.state = holder.raw
        case .notOpen(let opens): self.opens_at = opens.microseconds
        case .rejected(let number, let why):
            self.sequence = number
            self.reason = why.raw
        case .soldOut, .ended, .paused, .closed, .notFound: break
        }
    }
}

extension Outcome {
    init(_ raw: Part<Coupond__V1__IssueResponse>) throws(Failure) {
        let number = raw.outcome.rawValue
        switch UInt8(exactly: number).flatMap(Kind.init) {
        case .accepted: self = .accepted(sequence: raw.sequence)
        case .issued:
            self = .issued(
                sequence: raw.sequence, at: Timestamp(microseconds: raw.issued_at))
        case .duplicate:
            guard let state = HolderState(raw.state) else {
                throw .field("issue.state", "not known here, got \(raw.state.rawValue)")
            }
            self = .duplicate(sequence: raw.sequence, state: state)
        case .soldOut: self = .soldOut
        case .notOpen: self = .notOpen(opens: Timestamp(microseconds: raw.opens_at))
        case .ended: self = .ended
        case .paused: self = .paused
        case .closed: self = .closed
        case .notFound: self = .notFound
        case .rejected:
            self = .rejected(
                sequence: raw.sequence, reason: try RejectionReason(raw.reason, "issue.reason"))
        case nil: throw .field("issue.outcome", "not known here, got \(number)")
        }
    }
}

extension HolderState {
    var raw: Coupond__V1__UserState {
        switch self {
        case .queued: COUPOND__V1__USER_STATE__USER_STATE_QUEUED
        case .issued: COUPOND__V1__USER_STATE__USER_STATE_ISSUED
        case .rejected: COUPOND__V1__USER_STATE__USER_STATE_REJECTED
        }
    }

    init?(_ raw: Coupond__V1__UserState) {
        switch raw {
        case COUPOND__V1__USER_STATE__USER_STATE_QUEUED: self = .queued
        case COUPOND__V1__USER_STATE__USER_STATE_ISSUED: self = .issued
        case COUPOND__V1__USER_STATE__USER_STATE_REJECTED: self = .rejected
        default: return nil
        }
    }
}

extension RejectionReason {
    /// The .proto uses the numbers that Redis and PostgreSQL store.
    var raw: Coupond__V1__RejectionReason {
        Coupond__V1__RejectionReason(rawValue: UInt32(rawValue))
    }

    init(_ raw: Coupond__V1__RejectionReason, _ path: String) throws(Failure) {
        guard let reason = UInt8(exactly: raw.rawValue).flatMap(RejectionReason.init) else {
            throw .field(path, "not known here, got \(raw.rawValue)")
        }
        self = reason
    }
}
