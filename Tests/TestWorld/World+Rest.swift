/// Waits for the end of all work.
internal import HistoryChecker
internal import TestSupport

extension World {
    /// Waits until every gate is open, nothing is queued, and every commit is settled.
    /// - Throws: `NeverHeld` with what still changes.
    package func waitUntilQuiet(within limit: Duration = .seconds(20)) async throws {
        let checker = HistoryChecker()
        try await eventually("the world is quiet", within: limit) {
            let unrest = checker.unrest(in: try await partitions())
            guard unrest.isEmpty else { throw Unexpected(what: "\(unrest.prefix(3))") }
            return true
        }
    }
}
