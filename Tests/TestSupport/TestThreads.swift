/// Threads that tests may block: they wait for answers on sockets, for psql, for processes.
internal import Foundation
internal import Synchronization

/// Runs tasks on as many threads as the machine has cores, and on more while some of these are blocked.
///
/// Swift's own pool has one thread for each core. Two tests that wait there in a system call hold up all
/// others, whose deadlines pass. Many threads that all run would take the processor from the daemons.
public final class TestThreads: TaskExecutor {
    /// The threads of all tests.
    public static let shared = TestThreads()

    private struct State {
        var arrived: [UnownedJob] = []
        /// The next one last.
        var waiting: [UnownedJob] = []
        /// For each thread when its job began, in ticks.
        var threads: [Int: Int] = [:]
        var lastThread = 0
        var tick = 0

        var hasJobs: Bool { !arrived.isEmpty || !waiting.isEmpty }

        /// How many threads are not in a job that has lasted for a fifth of a second.
        var running: Int { threads.values.count { tick - $0 < 10 } }

        mutating func next() -> UnownedJob? {
            if waiting.isEmpty { (waiting, arrived) = (arrived.reversed(), []) }
            return waiting.popLast()
        }
    }

    private static let width = ProcessInfo.processInfo.activeProcessorCount
    private let state = Mutex(State())

    private init() {
        Thread.detachNewThread {
            while true {
                usleep(20_000)
                self.startThread { $0.tick += 1 }
            }
        }
    }

    /// Does a job on the next free thread.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        startThread { $0.arrived.append(job) }
    }

    /// Starts a thread if one is missing after a change.
    private func startThread(after change: (inout State) -> Void) {
        let number: Int? = state.withLock { state in
            change(&state)
            guard state.hasJobs, state.running < Self.width else { return nil }
            state.lastThread += 1
            state.threads[state.lastThread] = state.tick
            return state.lastThread
        }
        guard let number else { return }
        Thread.detachNewThread {
            while let job = self.nextJob(for: number) {
                unsafe job.runSynchronously(on: self.asUnownedTaskExecutor())
            }
        }
    }

    /// Nil if the thread is no longer needed.
    private func nextJob(for number: Int) -> UnownedJob? {
        state.withLock { state in
            state.threads[number] = nil
            guard state.running < Self.width, let job = state.next() else { return nil }
            state.threads[number] = state.tick
            return job
        }
    }
}
