/// Suites take turns: those with thousands of callers would make the answers of others miss their deadlines.
import Synchronization
import TestSupport
import TestWorld
import Testing

/// A suite with this trait runs only beside others of its kind, and beside few of them.
struct MachineTurn: SuiteTrait, TestScoping {
    enum Kind {
        /// Makes requests and checks the answers.
        case asking
        /// Kills and stops daemons and servers: it waits for them for most of the time.
        case killing
        /// Has thousands of callers, or measures.
        case overloading

        /// How many suites run side by side. More would only wait for the processor and for their servers.
        var width: Int {
            switch self {
            case .asking: 3
            case .killing: 2
            case .overloading: 1
            }
        }
    }

    let kind: Kind

    private static let running = Mutex<(kind: Kind, count: Int)>((.asking, 0))

    func provideScope(
        for test: Test, testCase: Test.Case?,
        performing body: @concurrent @Sendable () async throws -> Void
    ) async throws {
        try await eventually("the machine is free", within: .seconds(1_200)) { begin() }
        defer { Self.running.withLock { $0.count -= 1 } }
        // Tests wait in system calls.
        try await withTaskExecutorPreference(TestThreads.shared) { try await body() }
    }

    /// False while it is another kind's turn.
    private func begin() -> Bool {
        Self.running.withLock { running in
            guard running.count == 0 || running.kind == kind, running.count < kind.width else {
                return false
            }
            running = (kind, running.count + 1)
            return true
        }
    }
}

extension Trait where Self == MachineTurn {
    /// Runs the suite only beside others of its kind.
    static func machine(_ kind: MachineTurn.Kind) -> Self { MachineTurn(kind: kind) }
}
