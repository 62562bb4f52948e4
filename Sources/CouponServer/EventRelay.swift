/// Listens for completion events on a thread of its own, and passes each on to every worker.
internal import CouponCore
internal import SerialThreads
internal import Synchronization

actor EventRelay {
    private let thread = SerialThread(name: "coupond.events")
    private let makeSource: @Sendable () -> any EventSource
    private let roster: Roster
    private let isStopping = Atomic(false)

    /// The actor's own thread: its calls block.
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe thread.asUnownedSerialExecutor()
    }

    init(source: @escaping @Sendable () -> any EventSource, roster: Roster) {
        makeSource = source
        self.roster = roster
    }

    /// Passes events on until `stop`.
    func run() {
        let source = makeSource()
        while !isStopping.load(ordering: .relaxed) {
            guard let signal = source.next() else { continue }
            roster.each { desk in desk.withWorker { $0.hear(signal) } }
        }
    }

    /// Ends `run` within half a second.
    nonisolated func stop() { isStopping.store(true, ordering: .relaxed) }
}
