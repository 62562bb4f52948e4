internal import CouponDomain

/// When an issue request is sent again, and how long before.
///
/// A retry is the same request: same request id, `attempt` one higher, so that the gate is asked
/// and a holder whose answer was lost learns its sequence (promise 6).
public struct RetryPolicy: Equatable, Sendable {
    /// How often the request is sent at most, the first time included.
    public var tries: UInt32 = 4
    /// The pause before the first retry, in milliseconds; it doubles for each further one.
    public var firstPauseMilliseconds: UInt32 = 50
    /// The longest pause, in milliseconds, unless the daemon asks for a longer one.
    public var longestPauseMilliseconds: UInt32 = 2_000

    /// The defaults.
    public init() {}

    /// Whether a retry may help: something was away or full for a moment, or it is not known what
    /// became of the request.
    public static func mayHelp(after error: ClientError) -> Bool {
        switch error {
        case .refused(let failure):
            failure.code == .unavailable || failure.acceptance == .unknown
                || failure.code == .resourceExhausted && failure.retryAfterMilliseconds != nil
        case .cannotConnect, .notConnected, .connectionLost, .deadlineExceeded: true
        case .tooManyInFlight, .wrongAnswer, .givenUp: false
        }
    }

    /// How long to wait before try number `attempt`, in milliseconds; nil to give up.
    /// - Parameters:
    ///   - attempt: 1 for the first retry.
    ///   - error: how the try before it ended.
    ///   - jitter: random, 0 to 1: callers who were refused together must not return together.
    public func pause(before attempt: UInt32, after error: ClientError, jitter: Double) -> UInt32? {
        guard attempt < tries, Self.mayHelp(after: error) else { return nil }
        let doubled = UInt64(firstPauseMilliseconds) << UInt64(min(attempt - 1, 20))
        var pause = UInt32(min(doubled, UInt64(longestPauseMilliseconds)))
        if case .refused(let failure) = error, let asked = failure.retryAfterMilliseconds {
            pause = max(pause, min(asked, Limits.maximumDeadlineMilliseconds))
        }
        return pause + UInt32(Double(pause) * jitter / 2)
    }
}
