/// A thread for an actor that makes blocking calls (libpq, hiredis).
///
/// Swift's concurrency pool has one thread per core and must never block. A private dispatch queue uses
/// other threads, so an actor whose `unownedExecutor` is a `SerialThread` may block.
/// A pthread with a mailbox of its own would need sixty more lines for the same effect.
internal import CThreads
internal import Dispatch

/// Runs an actor's jobs one after another, away from the concurrency pool.
public final class SerialThread: SerialExecutor {
    private let queue: DispatchQueue
    private let name: String

    /// - Parameter name: shown by debuggers, and by `top -H` while a job runs.
    public init(name: String) {
        queue = DispatchQueue(label: name)
        self.name = name
    }

    /// Runs a blocking job of no actor, after the jobs that are queued.
    public func perform(_ job: @escaping @Sendable () -> Void) { queue.async { self.run(job) } }

    /// The same after a delay in milliseconds.
    public func perform(after milliseconds: Int, _ job: @escaping @Sendable () -> Void) {
        queue.asyncAfter(deadline: .now() + .milliseconds(milliseconds)) { self.run(job) }
    }

    /// Queues a job.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async {
            self.run { unsafe job.runSynchronously(on: self.asUnownedSerialExecutor()) }
        }
    }

    /// Lets an actor of this thread check that a `perform`ed job may use it.
    public func checkIsolated() { dispatchPrecondition(condition: .onQueue(queue)) }

    /// Dispatch uses its threads for one queue after the other, so a thread has the name only during a job.
    private func run(_ job: () -> Void) {
        unsafe thread_set_name(name)
        job()
        unsafe thread_set_name("idle")
    }
}
