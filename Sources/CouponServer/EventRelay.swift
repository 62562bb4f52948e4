/// Listens for completion events on a thread of its own, and passes each on to every worker.
internal import CoreMetrics
internal import CouponCore
internal import Logging
internal import SerialThreads
internal import Synchronization

actor EventRelay {
    private let thread = SerialThread(name: "coupond.events")
    private let makeSource: @Sendable () -> any EventSource
    private let loopServers: LoopServers
    private let logger: Logger
    private let standing = Gauge(label: "coupond_subscription_up")
    private var isBroken = false
    private let isStopping = Atomic(false)

    /// The actor's own thread: its calls block.
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe thread.asUnownedSerialExecutor()
    }

    init(
        source: @escaping @Sendable () -> any EventSource, loopServers: LoopServers, logger: Logger
    ) {
        makeSource = source
        self.loopServers = loopServers
        self.logger = logger
        standing.record(0)
    }

    /// Passes events on until `stop`.
    func run() {
        let source = makeSource()
        while !isStopping.load(ordering: .relaxed) {
            guard let signal = source.next() else { continue }
            tell(signal)
            loopServers.each { loopServer in loopServer.withWorker { $0.receive(signal) } }
        }
    }

    /// Callers are served without events, but slower: nobody would notice.
    private func tell(_ signal: EventSignal) {
        switch signal {
        case .up:
            standing.record(1)
            if isBroken { logger.notice("the event subscription stands again") }
            isBroken = false
        case .down(let reason):
            standing.record(0)
            isBroken = true
            logger.warning(
                "the event subscription is broken: closed doors and waiters cost more until it stands",
                metadata: ["reason": "\(reason)"])
        case .event: break
        }
    }

    /// Ends `run` within half a second.
    nonisolated func stop() { isStopping.store(true, ordering: .relaxed) }
}
