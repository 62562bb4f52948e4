internal import CouponClient
internal import CouponCore
internal import CouponWire

/// A user and the sequence of its answer.
struct AnsweredUser: Hashable, Sendable {
    let user: UserID
    let sequence: Int64
}

/// The answers of a sale, counted by kind; kept if they must be compared with the rows later.
struct AnswerCounts: Sendable, Equatable {
    /// Users that got ACCEPTED or ISSUED.
    private(set) var accepted: [AnsweredUser] = []
    /// Users that got DUPLICATE.
    private(set) var duplicates: [AnsweredUser] = []
    /// How many users got SOLD_OUT.
    private(set) var soldOut = 0
    /// Any other outcome, by name.
    private(set) var others: [String: Int] = [:]
    /// Requests that ended in an error, by its text.
    private(set) var errors: [String: Int] = [:]

    /// Different texts that are kept apart; further ones are counted together.
    static let distinctErrors = 16

    /// All answers, errors included.
    var count: Int { accepted.count + duplicates.count + soldOut + otherCount + errorCount }
    /// Answers of other kinds.
    var otherCount: Int { others.values.reduce(0, +) }
    /// Errors.
    var errorCount: Int { errors.values.reduce(0, +) }

    /// Counts the answer that a user was given.
    mutating func record(_ answer: Result<Response.Result, ClientError>, user: UserID) {
        switch answer {
        case .success(.issue(let outcome)): record(outcome, user: user)
        case .success: record(error: "the answer is for another method")
        case .failure(let error): record(error: error.description)
        }
    }

    /// Adds another loop's counts.
    mutating func merge(_ other: AnswerCounts) {
        accepted += other.accepted
        duplicates += other.duplicates
        soldOut += other.soldOut
        others.merge(other.others, uniquingKeysWith: +)
        errors.merge(other.errors, uniquingKeysWith: +)
    }

    private mutating func record(_ outcome: Outcome, user: UserID) {
        switch outcome {
        case .accepted(let sequence), .issued(let sequence, _):
            accepted.append(AnsweredUser(user: user, sequence: sequence))
        case .duplicate(let sequence, _):
            duplicates.append(AnsweredUser(user: user, sequence: sequence))
        case .soldOut: soldOut += 1
        default: others[outcome.name, default: 0] += 1
        }
    }

    private mutating func record(error text: String) {
        let isKept = errors[text] != nil || errors.count < Self.distinctErrors
        errors[isKept ? text : "other errors", default: 0] += 1
    }
}
