/// A stopwatch, and threads for blocking calls.
internal import Foundation

/// Runs a blocking call on a thread of its own, because all tasks share as many threads as there are cores.
func onOwnThread<Value: Sendable>(
    _ body: @escaping @Sendable () throws -> Value
) async throws -> Value {
    try await withCheckedThrowingContinuation { waiting in
        Thread.detachNewThread { waiting.resume(with: Result { try body() }) }
    }
}

/// The time since it was made.
struct Stopwatch: Sendable {
    private let beginning = ContinuousClock.now

    var seconds: Double { (ContinuousClock.now - beginning) / .seconds(1) }
}
