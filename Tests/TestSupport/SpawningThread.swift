/// One thread that starts every server, and lives as long as the test process.
///
/// The kernel sends a child its parent-death signal when the *thread* that started it ends, not the process.
/// Threads of Swift's pool end when they are idle, and their servers would end too.
internal import Foundation
internal import Synchronization

final class SpawningThread: Sendable {
    static let shared = SpawningThread()

    private let jobs = Mutex<[@Sendable () -> Void]>([])
    private let arrived = DispatchSemaphore(value: 0)

    private init() {
        Thread.detachNewThread {
            while true {
                self.arrived.wait()
                let job = self.jobs.withLock { $0.removeFirst() }
                job()
            }
        }
    }

    /// Runs `body` there and waits until it is done.
    func run(_ body: @escaping @Sendable () -> Void) {
        let done = DispatchSemaphore(value: 0)
        jobs.withLock { jobs in
            jobs.append {
                body()
                done.signal()
            }
        }
        arrived.signal()
        done.wait()
    }
}
