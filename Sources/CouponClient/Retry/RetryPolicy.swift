internal import CouponDomain

/// When an issue request is sent again, and after which pause.
///
/// A retry is the same request: same request id, `attempt` one higher, so that the gate is asked
/// and a holder whose answer was lost learns its sequence (promise 6).
public struct RetryPolicy: Equatable, Sendable {
    /// How often the request is sent at most, the first time included.
    public var tries: UInt32
    /// The longest pause before the first retry, in milliseconds; it doubles for each further one. The pause
    /// is random, between 0 and this bound: callers who were refused together must not return together.
    public var firstPauseMilliseconds: UInt32 = 50
    /// The longest pause of all, in milliseconds. If the daemon asks for a pause, the client waits for that
    /// long first, and then for the random one.
    public var longestPauseMilliseconds: UInt32 = 2_000

    /// The defaults.
    /// - Parameter tries: how often the request is sent at most.
    public init(tries: UInt32 = 4) { self.tries = tries }

    /// Whether a retry may help: something was away or full for a moment, or it is not known what
    /// became of the request.
    public static func mayHelp(after error: ClientError) -> Bool {
        switch error {
        case .refused(let failure):
            failure.code == .unavailable || failure.acceptance == .unknown
                || failure.code == .resourceExhausted && failure.retryAfterMilliseconds != nil
        case .cannotConnect, .notConnected, .connectionLost, .deadlineExceeded: true
        case .tooManyInFlight, .wrongAnswer, .cancelled, .givenUp: false
        }
    }

    /// How long to wait before try number `attempt`, in milliseconds; nil to give up.
    /// - Parameters:
    ///   - attempt: 1 for the first retry.
    ///   - error: how the try before it ended.
    ///   - jitter: random, 0 to 1.
    public func pause(before attempt: UInt32, after error: ClientError, jitter: Double) -> UInt32? {
        guard attempt < tries, Self.mayHelp(after: error) else { return nil }
        let doubled = UInt64(firstPauseMilliseconds) << UInt64(min(attempt - 1, 20))
        let longest = UInt32(min(doubled, UInt64(longestPauseMilliseconds)))
        let pause = UInt32(Double(longest) * jitter)
        if case .refused(let failure) = error, let asked = failure.retryAfterMilliseconds {
            return min(asked, Limits.maximumDeadlineMilliseconds) + pause
        }
        return pause
    }
}
