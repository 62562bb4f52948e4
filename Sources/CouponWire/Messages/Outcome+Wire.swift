// The answer to an issue request.

internal import CCouponProto
internal import CProtobufC
internal import CouponDomain

extension MessageArena {
    mutating func issue(
        _ outcome: Outcome
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__IssueResponse> {
        let raw = unsafe try make(coupond__v1__issue_response__init)
        unsafe raw.pointee.fill(outcome)
        return unsafe raw
    }
}

extension Coupond__V1__IssueResponse {
    /// Sets every field, whatever stood there before.
    mutating func fill(_ from: Outcome) {
        unsafe sequence = 0
        unsafe issued_at = 0
        unsafe state = COUPOND__V1__USER_STATE__USER_STATE_NONE
        unsafe opens_at = 0
        unsafe reason = COUPOND__V1__REJECTION_REASON__REJECTION_REASON_UNSPECIFIED
        unsafe outcome = Coupond__V1__Outcome(rawValue: UInt32(from.kind.rawValue))
        switch from {
        case .accepted(let number): unsafe sequence = number
        case .issued(let number, let moment):
            unsafe sequence = number
            unsafe issued_at = moment.microseconds
        case .duplicate(let number, let holder):
            unsafe sequence = number
            unsafe state = holder.raw
        case .notOpen(let opens): unsafe opens_at = opens.microseconds
        case .rejected(let number, let why):
            unsafe sequence = number
            unsafe reason = why.raw
        case .soldOut, .ended, .paused, .closed, .notFound: break
        }
    }
}

extension Outcome {
    init(_ raw: Coupond__V1__IssueResponse) throws(Failure) {
        let number = unsafe raw.outcome.rawValue
        switch UInt8(exactly: number).flatMap(Kind.init) {
        case .accepted: self = unsafe .accepted(sequence: raw.sequence)
        case .issued:
            self = unsafe .issued(
                sequence: raw.sequence, at: Timestamp(microseconds: raw.issued_at))
        case .duplicate:
            guard let state = unsafe HolderState(raw.state) else {
                throw .field("issue.state", unsafe "not known here, got \(raw.state.rawValue)")
            }
            self = unsafe .duplicate(sequence: raw.sequence, state: state)
        case .soldOut: self = .soldOut
        case .notOpen: self = unsafe .notOpen(opens: Timestamp(microseconds: raw.opens_at))
        case .ended: self = .ended
        case .paused: self = .paused
        case .closed: self = .closed
        case .notFound: self = .notFound
        case .rejected:
            self = unsafe .rejected(
                sequence: raw.sequence, reason: try RejectionReason(raw.reason, "issue.reason"))
        case nil: throw .field("issue.outcome", "not known here, got \(number)")
        }
    }
}

extension HolderState {
    fileprivate var raw: Coupond__V1__UserState {
        switch self {
        case .queued: COUPOND__V1__USER_STATE__USER_STATE_QUEUED
        case .issued: COUPOND__V1__USER_STATE__USER_STATE_ISSUED
        case .rejected: COUPOND__V1__USER_STATE__USER_STATE_REJECTED
        }
    }

    fileprivate init?(_ raw: Coupond__V1__UserState) {
        switch raw {
        case COUPOND__V1__USER_STATE__USER_STATE_QUEUED: self = .queued
        case COUPOND__V1__USER_STATE__USER_STATE_ISSUED: self = .issued
        case COUPOND__V1__USER_STATE__USER_STATE_REJECTED: self = .rejected
        default: return nil
        }
    }
}

extension RejectionReason {
    /// The schema has the numbers that are stored.
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
