/// What is known of a request that ended in an error (promise 9).
public enum Acceptance: Equatable, Sendable {
    /// The gate did not accept it, and will not.
    case notAccepted
    /// The gate accepted it.
    case accepted(sequence: Int64)
    /// Unknown; a retry with the same request id resolves it.
    case unknown
}

extension Acceptance {
    /// What is known after one more try of the same request. If a later try is refused, that says nothing
    /// about an earlier one whose end is unknown; only an answer that names a sequence does.
    package func afterTry(_ later: Acceptance) -> Acceptance {
        switch (self, later) {
        case (_, .accepted), (.notAccepted, .unknown): later
        default: self
        }
    }
}

/// gRPC's status codes, by name and number, as far as they are used.
public enum StatusCode: Int32, Sendable, CaseIterable {
    /// A field is wrong; the message names it.
    case invalidArgument = 3
    /// The deadline has passed.
    case deadlineExceeded = 4
    /// There is no such thing. Admin methods only: an issue request gets `Outcome.notFound`.
    case notFound = 5
    /// It exists already. Admin methods only.
    case alreadyExists = 6
    /// The caller may not do this.
    case permissionDenied = 7
    /// A limit is reached; try again later.
    case resourceExhausted = 8
    /// The state does not allow it; the message says what would. Admin methods only.
    case failedPrecondition = 9
    /// No such method.
    case unimplemented = 12
    /// A fault in the daemon.
    case `internal` = 13
    /// Redis, PostgreSQL or the daemon cannot be reached; try again later.
    case unavailable = 14
    /// The caller has not authenticated.
    case unauthenticated = 16
}

/// An error answer.
public struct Failure: Error, Equatable, Sendable {
    /// The code.
    public let code: StatusCode
    /// For people: what failed, where, and what to do.
    public let message: String
    /// When to try again, in milliseconds; nil if that makes no sense.
    public let retryAfterMilliseconds: UInt32?
    /// What became of an issue request, or of a change. For other methods it has no meaning.
    public let acceptance: Acceptance

    /// An error answer; by default the request was not accepted.
    public init(
        _ code: StatusCode, _ message: String, retryAfterMilliseconds: UInt32? = nil,
        acceptance: Acceptance = .notAccepted
    ) {
        self.code = code
        self.message = message
        self.retryAfterMilliseconds = retryAfterMilliseconds
        self.acceptance = acceptance
    }

    /// The same error with another acceptance.
    public func with(acceptance: Acceptance) -> Failure {
        Failure(
            code, message, retryAfterMilliseconds: retryAfterMilliseconds, acceptance: acceptance)
    }

    /// Redis, PostgreSQL or the daemon cannot be reached.
    public static func unavailable(_ message: String, acceptance: Acceptance = .notAccepted)
        -> Failure
    {
        Failure(
            .unavailable, message, retryAfterMilliseconds: Limits.retryAfterMilliseconds,
            acceptance: acceptance)
    }

    /// A limit is reached.
    public static func exhausted(_ message: String) -> Failure {
        Failure(
            .resourceExhausted, message, retryAfterMilliseconds: Limits.retryAfterMilliseconds)
    }
}
