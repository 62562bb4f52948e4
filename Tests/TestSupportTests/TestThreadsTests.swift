import Foundation
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct TestThreadsTests {
    @Test func `tasks that block do not hold up others, and their children run there too`() async {
        let count = ProcessInfo.processInfo.activeProcessorCount + 1
        let (arrived, mayEnd) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        await withTaskExecutorPreference(TestThreads.shared) {
            await withTaskGroup { group in
                for _ in 0..<count {
                    group.addTask { arrived.signalAndWait(for: mayEnd) }
                }
                group.addTask { arrived.release(count, when: mayEnd) }
            }
        }
    }
}

extension DispatchSemaphore {
    fileprivate func signalAndWait(for other: DispatchSemaphore) {
        signal()
        other.wait()
    }

    /// Waits until so many have arrived, then lets them go.
    fileprivate func release(_ count: Int, when other: DispatchSemaphore) {
        for _ in 0..<count { wait() }
        for _ in 0..<count { other.signal() }
    }
}
