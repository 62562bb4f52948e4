public import CouponDomain

/// Why a call has no answer. Each case says what it means for an issue request (promise 9).
public indirect enum ClientError: Error, Equatable, Sendable {
    /// The daemon answered that it could not judge the request.
    case refused(Failure)
    /// No connection: nothing was sent.
    case cannotConnect(ServerAddress, reason: String)
    /// The connection was closed before the daemon read the request.
    case notConnected
    /// As many requests as the configuration allows are unanswered: nothing was sent.
    case tooManyInFlight
    /// The connection broke with the request in flight.
    case connectionLost(reason: String)
    /// The deadline passed with the request in flight.
    case deadlineExceeded
    /// The daemon sent something that is not an answer to this request.
    case wrongAnswer(String)
    /// The task was cancelled.
    case cancelled(wasSent: Bool)
    /// The last of several tries ended with `last`, but an earlier one left this acceptance.
    case givenUp(Acceptance, last: ClientError)

    /// What is known of an issue request that ended with this error.
    public var acceptance: Acceptance {
        switch self {
        case .refused(let failure): failure.acceptance
        case .cannotConnect, .notConnected, .tooManyInFlight, .cancelled(wasSent: false):
            .notAccepted
        case .connectionLost, .deadlineExceeded, .wrongAnswer, .cancelled(wasSent: true): .unknown
        case .givenUp(let acceptance, _): acceptance
        }
    }
}

extension ClientError {
    /// What a span calls it: the daemon's code, or a word of the client's own.
    var name: String {
        switch self {
        case .refused(let failure): failure.code.name
        case .cannotConnect, .notConnected: "NOT_CONNECTED"
        case .tooManyInFlight: "TOO_MANY_IN_FLIGHT"
        case .connectionLost: "CONNECTION_LOST"
        case .deadlineExceeded: "NO_ANSWER"
        case .wrongAnswer: "WRONG_ANSWER"
        case .cancelled: "CANCELLED"
        case .givenUp(_, let last): last.name
        }
    }
}

extension ClientError: CustomStringConvertible {
    /// For people: what failed, and where.
    public var description: String {
        switch self {
        case .refused(let failure): failure.message
        case .cannotConnect(let address, let reason): "cannot connect to \(address): \(reason)"
        case .notConnected: "the connection is closed"
        case .tooManyInFlight: "too many requests are unanswered on this connection"
        case .connectionLost(let reason): "the connection broke: \(reason)"
        case .deadlineExceeded: "no answer before the deadline"
        case .wrongAnswer(let what): "the daemon's answer does not fit: \(what)"
        case .cancelled: "the call was cancelled"
        case .givenUp(_, let last): last.description
        }
    }
}
