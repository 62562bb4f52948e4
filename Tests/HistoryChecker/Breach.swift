public import CouponCore

/// A promise that was not kept.
public struct Breach: Hashable, Sendable {
    /// The promise that was broken.
    public enum Kind: String, CaseIterable, Sendable {
        /// More is issued than the total, in any reading (promise 1).
        case overIssue
        /// A user has a coupon twice (promise 2).
        case duplicate
        /// Answered ACCEPTED or ISSUED, and the tables have nothing of it (promises 3 and 4).
        case lost
        /// A row that no call asked for, or whose calls were all answered "not accepted".
        case phantom
        /// One request got two different answers (promise 6).
        case changedAnswer
        /// Answered with a sequence other than the row's (promise 6).
        case wrongSequence
        /// A status that contradicts an earlier answer or the tables (promise 6).
        case wrongStatus
        /// Refused for a reason that did not apply.
        case wrongRefusal
        /// Accepted and then rejected, although nothing else wrote into the tables.
        case rejected
        /// Answered before another request was sent, but with a higher sequence (promise 5).
        case overtaken
        /// Two issues of a coupon have one sequence.
        case repeatedSequence
        /// Stock is left, and a user who wanted it has none.
        case unsold
        /// A request has no answer, although all faults are over.
        case unanswered
        /// Answered later than the deadline allows (promise 9).
        case late
        /// Gate, queue and tables do not add up.
        case accounts
    }

    /// The promise that was broken.
    public let kind: Kind
    /// The coupon concerned; nil for a partition.
    public let coupon: CouponID?
    /// The users concerned.
    public let users: [UserID]
    /// What was found, as text.
    public let what: String

    /// - Parameter what: what was found, as text.
    public init(_ kind: Kind, _ coupon: CouponID?, _ users: [UserID], _ what: String) {
        self.kind = kind
        self.coupon = coupon
        self.users = users
        self.what = what
    }
}

extension Breach: CustomStringConvertible {
    /// One line.
    public var description: String {
        let place = coupon.map { " coupon \($0.rawValue)" } ?? ""
        let who = users.map { " user \($0.rawValue)" }.joined(separator: ",")
        return "\(kind.rawValue)\(place)\(who): \(what)"
    }
}
