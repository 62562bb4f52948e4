/// Small commits at a fixed pace on a thread of its own, beside a measurement.
internal import Foundation
internal import Synchronization

final class PacedCommits: Sendable {
    private static let commitsPerSecond = 100

    private let outcome = Mutex<Result<[Double], any Error>?>(nil)
    private let isOver = DispatchSemaphore(value: 0)

    /// Inserts one row into the table `small_commit` every 10 ms.
    init(_ database: String, seconds: Int) {
        Thread.detachNewThread { [self] in
            let result = Result { try Self.commit(database, seconds * Self.commitsPerSecond) }
            outcome.withLock { $0 = result }
            isOver.signal()
        }
    }

    /// Waits for the end. What each transaction took, in seconds.
    func durations() throws -> [Double] {
        isOver.wait()
        guard let outcome = outcome.withLock({ $0 }) else {
            throw BenchmarkError("the small commits ended without a result")
        }
        return try outcome.get()
    }

    private static func commit(_ database: String, _ count: Int) throws -> [Double] {
        let session = try Postgres(database)
        let interval = 1_000_000_000 / commitsPerSecond
        let begin = nanoseconds()
        return try (0..<count).map { number in
            let early = begin + number * interval - nanoseconds()
            if early > 0 { usleep(UInt32(early / 1_000)) }
            let start = nanoseconds()
            try session.run("BEGIN; INSERT INTO small_commit VALUES (\(number)); COMMIT")
            return Double(nanoseconds() - start) / 1e9
        }
    }
}
