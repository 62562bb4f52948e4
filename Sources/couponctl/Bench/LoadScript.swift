internal import CouponClient
internal import CouponWire

/// Questions by number, and a record of their answers. It is a value: each event loop has its own copy, and
/// the copies are added up at the end.
protocol LoadScript: Sendable {
    /// How many questions there are, over all loops.
    var count: Int { get }

    /// The question of this number, from 0.
    func question(_ number: Int) -> Request.Method

    /// Records an answer.
    /// - Parameters:
    ///   - number: of the question.
    ///   - answer: the daemon's answer, or why there is none.
    ///   - asked: when the question went out, in nanoseconds of the monotonic clock.
    ///   - now: when the answer was there.
    mutating func record(
        _ number: Int, _ answer: Result<Response.Result, ClientError>, asked: UInt64, now: UInt64)
}

/// A script whose copies are added up.
protocol MergeableScript: LoadScript {
    /// Adds another loop's answers.
    mutating func merge(_ other: Self)
}
