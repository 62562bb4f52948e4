/// A load on a thread of its own, during a measurement.
internal import Foundation
internal import Synchronization

final class BackgroundLoad<Value: Sendable>: Sendable {
    private let outcome = Mutex<Result<Value, any Error>?>(nil)
    private let isOver = DispatchSemaphore(value: 0)

    /// Starts the load. `load` must make on its thread everything that it needs.
    init(_ load: @escaping @Sendable () throws -> Value) {
        Thread.detachNewThread { [self] in
            let result = Result { try load() }
            outcome.withLock { $0 = result }
            isOver.signal()
        }
    }

    /// Waits for the end, and returns the result.
    func result() throws -> Value {
        isOver.wait()
        guard let outcome = outcome.withLock({ $0 }) else {
            throw BenchmarkError("a load ended without a result")
        }
        return try outcome.get()
    }
}
