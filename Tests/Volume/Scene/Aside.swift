/// Time, and threads for what blocks.
internal import Foundation

/// Runs something that blocks on a thread of its own: tasks share as many threads as there are cores.
func aside<Value: Sendable>(
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
