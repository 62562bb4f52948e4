internal import CouponClient
internal import CouponWire

/// Questions by number, and what is made of their answers. A value: each event loop has a copy of
/// its own, and the copies are put together at the end.
protocol LoadScript: Sendable {
    /// How many questions there are, over all loops.
    var count: Int { get }

    /// The question of this number, from 0.
    func question(_ number: Int) -> Request.Method

    /// Takes an answer.
    /// - Parameters:
    ///   - number: of the question.
    ///   - answer: the daemon's word, or why there is none.
    ///   - asked: when the question went out, in nanoseconds of the monotonic clock.
    ///   - now: when the answer was there.
    mutating func record(
        _ number: Int, _ answer: Result<Response.Result, ClientError>, asked: UInt64, now: UInt64)
}
