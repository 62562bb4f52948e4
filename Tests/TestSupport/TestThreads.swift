/// Threads that tests may block: they wait for answers on sockets, for psql, for processes.
internal import Foundation
internal import Synchronization

/// Runs tasks on as many threads as the machine has cores, and on more while these are blocked.
///
/// Swift's own pool has no more. Two tests that wait there in a system call hold up all others, whose
/// deadlines pass.
public final class TestThreads: TaskExecutor {
    /// The threads of all tests.
    public static let shared = TestThreads()

    private struct State {
        var arrived: [UnownedJob] = []
        /// The next one last.
        var waiting: [UnownedJob] = []
        var threads = 0
        /// How many jobs have begun.
        var begun = 0

        mutating func next() -> UnownedJob? {
            if waiting.isEmpty { (waiting, arrived) = (arrived.reversed(), []) }
            guard let job = waiting.popLast() else { return nil }
            begun += 1
            return job
        }
    }

    private static let width = ProcessInfo.processInfo.activeProcessorCount
    private let state = Mutex(State())

    private init() { Thread.detachNewThread { self.watch() } }

    /// Does a job on the next free thread.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        startThread { state in
            state.arrived.append(job)
            return state.threads < Self.width
        }
    }

    /// Starts a thread whenever jobs wait and none begins: then all threads are blocked.
    private func watch() {
        var begun = 0
        while true {
            usleep(20_000)
            startThread { state in
                defer { begun = state.begun }
                let isAnyWaiting = !state.arrived.isEmpty || !state.waiting.isEmpty
                return isAnyWaiting && state.begun == begun
            }
        }
    }

    private func startThread(if isNeeded: (inout State) -> Bool) {
        let isMissing = state.withLock { state in
            let isMissing = isNeeded(&state)
            if isMissing { state.threads += 1 }
            return isMissing
        }
        if isMissing { Thread.detachNewThread { self.work() } }
    }

    /// Does jobs until there is none.
    private func work() {
        while let job = nextJob() {
            unsafe job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }

    private func nextJob() -> UnownedJob? {
        state.withLock { state in
            let job = state.next()
            if job == nil { state.threads -= 1 }
            return job
        }
    }
}
