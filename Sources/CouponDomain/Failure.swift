/// What is known of a request that ended in an error (promise 9).
public enum Acceptance: Equatable, Sendable {
    /// The gate did not take it, and will not.
    case notAccepted
    /// The gate took it.
    case accepted(sequence: Int64)
    /// Nobody can say; asking again with the same request id resolves it.
    case unknown
}

/// gRPC's status codes, by name and number, as far as they are used.
public enum StatusCode: Int32, Sendable, CaseIterable {
    /// A field is wrong; the message names it.
    case invalidArgument = 3
    /// The deadline has passed.
    case deadlineExceeded = 4
    /// There is no such thing (admin methods; an issue request is told so by its outcome).
    case notFound = 5
    /// It is there already (admin methods).
    case alreadyExists = 6
    /// The caller may not do this.
    case permissionDenied = 7
    /// A limit is reached; try again later.
    case resourceExhausted = 8
    /// The state does not allow it (admin methods); the message says what would.
    case failedPrecondition = 9
    /// No such method.
    case unimplemented = 12
    /// A fault of the daemon.
    case `internal` = 13
    /// A part is away; try again later.
    case unavailable = 14
    /// The caller did not say who it is.
    case unauthenticated = 16

    /// As gRPC writes it: `INVALID_ARGUMENT`.
    public var name: String {
        "\(self)".reduce(into: "") { name, letter in
            if letter.isUppercase { name += "_" }
            name += letter.uppercased()
        }
    }
}

/// An error answer.
public struct Failure: Error, Equatable, Sendable {
    /// The code.
    public let code: StatusCode
    /// For people: what, where, what to do. Short.
    public let message: String
    /// When to try again; nil where trying again makes no sense.
    public let retryAfterMilliseconds: UInt32?
    /// For an issue request: what became of it.
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

    /// The same error, with something else known of the request.
    public func with(acceptance: Acceptance) -> Failure {
        Failure(
            code, message, retryAfterMilliseconds: retryAfterMilliseconds, acceptance: acceptance)
    }

    /// A part is away.
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
