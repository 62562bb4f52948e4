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
    /// Redis cannot be reached, or does not answer.
    case unavailable(String)
    /// Redis answers that it cannot do this now (OOM, READONLY, LOADING…), and did nothing; see the text.
    case refused(String)
    /// The Redis user lacks rights that every daemon needs; the text names them.
    case missingRights(String)
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

extension RedisFault {
    /// Why, for people.
    public var text: String {
        switch self {
        case .unavailable(let text), .refused(let text): text
        case .missingRights(let text): "the Redis user lacks rights: \(text)"
        case .unsafeSettings(let text): "unsafe Redis settings: \(text)"
        case .unexpectedReply(let text): "unexpected reply from Redis: \(text.prefix(200))"
        }
    }
}

extension PostgresFault {
    /// Why, for people.
    public var text: String {
        switch self {
        case .fenced: "another owner has moved the partition's epoch or cursor"
        case .busy(let text), .tooSlow(let text), .failed(let text), .sessionLost(let text),
            .unreachable(let text), .refused(let text):
            text
        }
    }
}

extension BackendError {
    /// Whether there is no session with PostgreSQL: nothing else can be asked either.
    var isOfSession: Bool {
        switch self {
        case .postgres(.sessionLost), .postgres(.unreachable): true
        default: false
        }
    }

    /// Whether a server works and refuses: an operator has to do something, such as to give a right.
    package var isRefusal: Bool {
        switch self {
        case .redis(.unavailable), .redis(.unexpectedReply): false
        case .postgres(.refused), .redis: true
        case .postgres, .overtaken, .answer: false
        }
    }
}

extension BackendError: CustomStringConvertible {
    /// For the log.
    public var description: String {
        switch self {
        case .redis(let fault): "Redis: \(fault.text)"
        case .postgres(let fault): "PostgreSQL: \(fault.text)"
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
        case .redis(.unavailable): self = .unavailable("Redis is not reachable")
        case .redis(let fault): self = .unavailable(fault.text)
        case .postgres(.refused(let text)): self.init(.internal, "PostgreSQL refuses: \(text)")
        case .postgres(.busy): self = .unavailable("the coupon is locked: ask again")
        case .postgres(.tooSlow): self = .unavailable("PostgreSQL took too long: ask again")
        case .postgres(.failed): self = .unavailable("PostgreSQL cannot do this now: ask again")
        case .postgres(.fenced), .postgres(.sessionLost), .postgres(.unreachable):
            self = .unavailable("PostgreSQL is not reachable")
        }
    }
}
