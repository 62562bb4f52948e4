import CouponClient
import Foundation

/// An order that wants a coupon, and what became of that.
struct Order: Codable, Sendable {
    /// What the customer is told of the coupon.
    enum Word: String, Codable {
        case issued
        case notIssued = "not issued"
        /// Perhaps it is issued. Asking again with the same order finds out.
        case unknown
    }

    let order: UUID
    let coupon: Int64
    let user: Int64
    var word = Word.unknown
    /// Whether the word is final.
    var decided = false
    /// The sequence of the coupon, if it is issued.
    var sequence: Int64?
    /// Why the coupon is not issued, or why that is not known.
    var reason: String?

    /// The order names the request. So the customer may send the order as often as he likes, to any process
    /// of this service: for coupond it is one request, with one coupon at most.
    var requestID: RequestID {
        withUnsafeBytes(of: order.uuid) { RequestID(Array($0)) ?? .empty }
    }

    mutating func learn(_ outcome: Outcome) {
        switch outcome {
        case .issued(let issued, _):
            (word, decided, sequence, reason) = (.issued, true, issued, nil)
        // The commit is still to come.
        case .accepted: (word, reason) = (.unknown, outcome.name)
        // SOLD_OUT for example, or DUPLICATE: the user has a coupon by another order.
        default: (word, decided, reason) = (.notIssued, true, outcome.name)
        }
    }

    mutating func learn(_ error: IssueError) {
        reason = "\(error.reason)"
        switch error {
        case .notIssued: word = .notIssued
        case .accepted, .unknown: word = .unknown
        }
    }
}
