public import CouponDomain

/// Why a call for a coupon has no outcome, by what is known of the request.
public enum IssueError: Error, Equatable, Sendable {
    /// The request has no coupon, and will get none.
    case notIssued(reason: ClientError)
    /// The gate has accepted the request with this sequence: it will be issued, or rejected. Only the wait
    /// for it has ended. `resolve(_:deadline:)` waits for the end.
    case accepted(IssueRequest, sequence: Int64, reason: ClientError)
    /// The request may have been accepted. `resolve(_:deadline:)` finds out.
    case unknown(IssueRequest, reason: ClientError)

    /// - Parameter request: the request in the form in which the next try would send it.
    init(_ error: ClientError, _ request: IssueRequest) {
        let reason = if case .givenUp(_, let last) = error { last } else { error }
        switch error.acceptance {
        case .notAccepted: self = .notIssued(reason: reason)
        case .accepted(let sequence):
            self = .accepted(request, sequence: sequence, reason: reason)
        case .unknown: self = .unknown(request, reason: reason)
        }
    }

    /// How the last try ended.
    public var reason: ClientError {
        switch self {
        case .notIssued(let reason), .accepted(_, _, let reason), .unknown(_, let reason): reason
        }
    }
}

extension IssueError: CustomStringConvertible {
    /// For people.
    public var description: String {
        switch self {
        case .notIssued(let reason): "not issued: \(reason)"
        case .accepted(_, let sequence, let reason):
            "accepted with sequence \(sequence), not known to be issued: \(reason)"
        case .unknown(_, let reason): "it is unknown whether the coupon is issued: \(reason)"
        }
    }
}
