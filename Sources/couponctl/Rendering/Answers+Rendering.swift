internal import CouponCore
internal import CouponWire

// Outcomes, users' states and acceptances, by the names of the .proto without their prefixes.

extension Outcome {
    /// The outcome's name.
    var name: String {
        switch self {
        case .accepted: "ACCEPTED"
        case .issued: "ISSUED"
        case .duplicate: "DUPLICATE"
        case .soldOut: "SOLD_OUT"
        case .notOpen: "NOT_OPEN"
        case .ended: "ENDED"
        case .paused: "PAUSED"
        case .closed: "CLOSED"
        case .notFound: "NOT_FOUND"
        case .rejected: "REJECTED"
        }
    }

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
        switch self {
        case .none: [("user_state", .string("NONE"))]
        case .queued(let sequence):
            [("user_state", .string("QUEUED")), ("sequence", .integer(sequence))]
        case .issued(let sequence, let time):
            [
                ("user_state", .string("ISSUED")), ("sequence", .integer(sequence)),
                ("issued_at", .time(time)),
            ]
        case .rejected(let sequence, let reason):
            [
                ("user_state", .string("REJECTED")), ("sequence", .integer(sequence)),
                ("reason", .string(reason.name)),
            ]
        }
    }
}

extension HolderState {
    /// The state's name.
    var name: String {
        switch self {
        case .queued: "QUEUED"
        case .issued: "ISSUED"
        case .rejected: "REJECTED"
        }
    }
}

extension RejectionReason {
    /// The reason's name.
    var name: String {
        switch self {
        case .soldOut: "SOLD_OUT"
        case .alreadyIssued: "ALREADY_ISSUED"
        case .notFound: "NOT_FOUND"
        case .deadLetter: "DEAD_LETTER"
        case .discarded: "DISCARDED"
        }
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
