/// A load on a thread of its own, beside what is measured.
internal import Foundation
internal import Synchronization

final class BackgroundLoad: Sendable {
    private let outcome = Mutex<Result<LoadResult, any Error>?>(nil)
    private let isOver = DispatchSemaphore(value: 0)

    /// Starts it. Everything that the load needs is made on its thread.
    init(_ load: @escaping @Sendable () throws -> LoadResult) {
        Thread.detachNewThread { [self] in
            let result = Result { try load() }
            outcome.withLock { $0 = result }
            isOver.signal()
        }
    }

    /// What came of it, when it is over.
    func result() throws -> LoadResult {
        isOver.wait()
        guard let outcome = outcome.withLock({ $0 }) else {
            throw BenchmarkError("a load ended without a result")
        }
        return try outcome.get()
    }
}
