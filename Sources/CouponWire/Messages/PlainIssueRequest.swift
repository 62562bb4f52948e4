// The most frequent message, without the token and the other methods of a `Request`, which make that value
// expensive to move.

public import CouponDomain

/// A valid issue request.
public struct PlainIssueRequest: Equatable, Sendable {
    /// Chosen by the client; the response carries it.
    public let id: UInt64
    /// How long the caller will wait, in milliseconds; nil if the caller names no deadline.
    public let deadlineMilliseconds: UInt32?
    /// The method with its arguments.
    public let issue: IssueRequest
}
