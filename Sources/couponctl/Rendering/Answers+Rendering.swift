internal import CouponCore
internal import CouponWire

// Outcomes, users' states and acceptances, by the names of the .proto without their prefixes.

extension Outcome {
    /// Whether the user has the coupon, or will have it.
    var isPositive: Bool {
        switch self {
        case .accepted, .issued: true
        default: false
        }
    }

    /// What belongs to the outcome.
    var details: [(String, JSONValue)] {
        switch self {
        case .accepted(let sequence): [("sequence", .integer(sequence))]
        case .issued(let sequence, let time):
            [("sequence", .integer(sequence)), ("issued_at", .time(time))]
        case .duplicate(let sequence, let state):
            [("sequence", .integer(sequence)), ("state", .string(state.name))]
        case .notOpen(let opens): [("opens_at", .time(opens))]
        case .rejected(let sequence, let reason):
            [("sequence", .integer(sequence)), ("reason", .string(reason.name))]
        case .soldOut, .ended, .paused, .closed, .notFound: []
        }
    }
}

extension UserStatus {
    /// State and what belongs to it, under the names of CouponStatusResponse.
    var details: [(String, JSONValue)] {
        let state: [(String, JSONValue)] = [("user_state", .string(name))]
        return switch self {
        case .none: state
        case .queued(let sequence): state + [("sequence", .integer(sequence))]
        case .issued(let sequence, let time):
            state + [("sequence", .integer(sequence)), ("issued_at", .time(time))]
        case .rejected(let sequence, let reason):
            state + [("sequence", .integer(sequence)), ("reason", .string(reason.name))]
        }
    }
}

extension QueuePlace {
    /// What stands before a queued request, under the names of CouponStatusResponse.
    var details: [(String, JSONValue)] {
        [("ahead", .integer(ahead))]
            + (milliseconds.map { [("decided_in_ms", .integer($0))] } ?? [])
    }
}

extension JSONValue {
    /// What is known of a request that ended in an error.
    static func acceptance(_ acceptance: Acceptance) -> JSONValue {
        switch acceptance {
        case .notAccepted: .string("NOT_ACCEPTED")
        case .accepted: .string("ACCEPTED")
        case .unknown: .string("UNKNOWN")
        }
    }

    /// As a cell of a table: strings without quotes.
    var text: String {
        switch self {
        case .string(let text): text
        case .null: "-"
        default: description
        }
    }
}
