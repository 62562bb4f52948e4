/// Why work on Redis and PostgreSQL ended early; every port throws this and nothing else.
///
/// What was read before the error must not be used to answer or to settle.
public enum BackendError: Error, Equatable, Sendable {
    /// A call to Redis failed; the connection is closed.
    case redis(RedisFault)
    /// A call to PostgreSQL failed; its transaction is rolled back, unless a COMMIT was in flight.
    case postgres(PostgresFault)
    /// Another owner or a rebuild has changed the gate or the partition's row. No port throws it.
    case overtaken(String)
    /// Redis and PostgreSQL work, and the caller gets this answer. No port throws it.
    case answer(Failure)
}

/// Why a call to Redis failed.
public enum RedisFault: Equatable, Sendable {
    /// Redis is away, or refuses for now (LOADING, READONLY, OOM…).
    case unavailable(String)
    /// Redis is not run as promise 3 demands; the text names the setting.
    case unsafeSettings(String)
    /// Redis sent a reply that no version of the scripts sends.
    case unexpectedReply(String)
}

/// Why a call to PostgreSQL failed.
public enum PostgresFault: Equatable, Sendable {
    /// Epoch or cursor had moved: somebody else owns the partition, or did (rule 10).
    case fenced
    /// A lock, a deadlock, a serialization failure: this partition may try again (40001, 40P01, 55P03).
    case busy(String)
    /// The server ended the statement because it took too long (57014): a smaller one may do.
    case tooSlow(String)
    /// PostgreSQL cannot do this now: no disk, no memory, an I/O error (classes 53 and 58). The session
    /// stands, and other statements may work.
    case failed(String)
    /// The session is gone (class 08, 57P, or no answer), and its locks with it. If a COMMIT was in flight
    /// its outcome is unknown; only moving the cursor again decides (rule 20).
    case sessionLost(String)
    /// No session could be made, and nothing was sent.
    case unreachable(String)
    /// PostgreSQL refuses, and trying again does not help; the text says what to do.
    case refused(String)
}

extension BackendError: CustomStringConvertible {
    /// For the log.
    public var description: String {
        switch self {
        case .redis(let fault): "Redis: \(fault)"
        case .postgres(let fault): "PostgreSQL: \(fault)"
        case .overtaken(let text): text
        case .answer(let failure): failure.message
        }
    }
}

extension Failure {
    /// What a caller reads of an error.
    public init(_ error: BackendError) {
        switch error {
        case .answer(let failure): self = failure
        case .overtaken: self = .unavailable("the gate changed in the meantime: ask again")
        case .redis: self = .unavailable("Redis is not reachable")
        case .postgres(.refused(let text)): self.init(.internal, "PostgreSQL refuses: \(text)")
        case .postgres(.busy): self = .unavailable("the coupon is locked: ask again")
        case .postgres(.tooSlow): self = .unavailable("PostgreSQL took too long: ask again")
        case .postgres(.failed): self = .unavailable("PostgreSQL cannot do this now: ask again")
        case .postgres(.fenced), .postgres(.sessionLost), .postgres(.unreachable):
            self = .unavailable("PostgreSQL is not reachable")
        }
    }
}
