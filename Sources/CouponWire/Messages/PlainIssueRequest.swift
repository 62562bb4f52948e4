// The one message that comes a million times, without what it never has: the token and the other methods
// of a `Request` make that a value that is dear to move about.

public import CouponDomain

/// A valid issue request.
public struct PlainIssueRequest: Equatable, Sendable {
    /// Chosen by the client; the response carries it.
    public let id: UInt64
    /// How long the caller will wait, in milliseconds; nil where it does not say.
    public let deadlineMilliseconds: UInt32?
    /// What is asked.
    public let issue: IssueRequest
}
