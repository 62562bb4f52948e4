/// What the checker finds.
public import CouponCore

/// A promise that was not kept.
public struct Breach: Hashable, Sendable {
    /// Which one.
    public enum Kind: String, CaseIterable, Sendable {
        /// More issued than there are, at any look (promise 1).
        case overIssue
        /// A user has a coupon twice (promise 2).
        case duplicate
        /// Told accepted or issued, and nothing is left of it (promises 3 and 4).
        case lost
        /// A row that nobody asked for, or whose request was told that it is not accepted.
        case phantom
        /// One request was told one thing and then another (promise 6).
        case changedAnswer
        /// Told a sequence that is not that of the row (promise 6).
        case wrongSequence
        /// Refused for a reason that was not there.
        case wrongRefusal
        /// Accepted, and rejected in spite of it, though nobody touched the tables.
        case rejected
        /// Answered before another one asked, and behind it all the same (promise 5).
        case overtaken
        /// Two issues of a coupon have one sequence.
        case repeatedSequence
        /// Stock is left, and a user who wanted it has none.
        case unsold
        /// A request has no answer, though everything is well again.
        case unanswered
        /// Answered later than the deadline allows (promise 9).
        case late
        /// Gate, queue and tables do not add up.
        case accounts
    }

    /// Which promise.
    public let kind: Kind
    /// The coupon concerned; nil where it is about a partition.
    public let coupon: CouponID?
    /// The users concerned.
    public let users: [UserID]
    /// What was found, for people.
    public let what: String

    /// A finding.
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
