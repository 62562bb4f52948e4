internal import CouponDomain
internal import CouponWire

/// The tries of one issue request: what is sent next, and what is known once it is given up.
///
/// Pure, so that the rule can be tested without a network: `CouponClient.issue` only carries it
/// out.
struct IssueAttempts {
    /// What to do after a try that failed.
    enum Step: Equatable {
        /// Send `request` again after this pause.
        case retry(afterMilliseconds: UInt32)
        /// Give up with this.
        case fail(ClientError)
    }

    /// The request as it goes out next.
    private(set) var request: IssueRequest
    private let policy: RetryPolicy
    /// The tries of this call. The request's `attempt` counts those of earlier calls too.
    private var tries: UInt32 = 0
    /// What the tries so far have shown.
    private var known: Acceptance

    /// A request without an id gets one here: without it a retry would be another request.
    init(_ request: IssueRequest, policy: RetryPolicy) {
        self.request = request
        self.policy = policy
        // An earlier try of the caller's own may have been accepted.
        known = request.attempt > 0 ? .unknown : .notAccepted
        if request.requestID.isEmpty { self.request.requestID = .random() }
    }

    /// Counts a try that failed, and says what to do.
    mutating func failed(_ error: ClientError, jitter: Double) -> Step {
        known = known.afterTry(error.acceptance)
        tries += 1
        // The field's highest value stays: 0 would be a first try.
        request.attempt = max(request.attempt, request.attempt &+ 1)
        if let pause = policy.pause(before: tries, after: error, jitter: jitter) {
            return .retry(afterMilliseconds: pause)
        }
        return .fail(givenUp(after: error))
    }

    /// The error to end with: the last one, or what an earlier try left behind.
    func givenUp(after last: ClientError) -> ClientError {
        last.acceptance == known ? last : .givenUp(known, last: last)
    }
}
