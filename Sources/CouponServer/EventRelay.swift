/// Receives completion events on a thread of its own, and passes each on to every worker.
internal import CoreMetrics
internal import CouponCore
internal import Logging
internal import SerialThreads
internal import Synchronization

actor EventRelay {
    private let thread = SerialThread(name: "coupond.events")
    private let environment: any BackendFactory
    private let loopServers: LoopServers
    private let watches: WatchQueue
    private let logger: Logger
    private let isUp = Gauge(label: MetricName.subscriptionUp)
    private var isBroken = false
    /// Partitions whose own subscription is broken.
    private var silent: Set<PartitionID> = []
    private var eventLog: EventLog
    private let isStopping = Atomic(false)
    /// When the thread last asked for an event, in nanoseconds; 0 while it does not run.
    private let lastTurn = Atomic<Int64>(0)
    private let clocks: Clocks

    /// The actor's own thread: its calls block.
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe thread.asUnownedSerialExecutor()
    }

    init(
        environment: any BackendFactory, loopServers: LoopServers, watches: WatchQueue,
        clocks: Clocks, logger: Logger
    ) {
        self.environment = environment
        self.clocks = clocks
        self.loopServers = loopServers
        self.watches = watches
        self.logger = logger
        eventLog = EventLog(logger: logger)
        isUp.record(0)
    }

    /// When the thread last showed that it moves; nil while it does not run.
    nonisolated var progress: MonotonicTime? {
        let time = lastTurn.load(ordering: .relaxed)
        return time == 0 ? nil : MonotonicTime(nanoseconds: time)
    }

    /// Passes events on until `stop`.
    func run() {
        let source = environment.makeEvents()
        defer { lastTurn.store(0, ordering: .relaxed) }
        while !isStopping.load(ordering: .relaxed) {
            lastTurn.store(clocks.now().nanoseconds, ordering: .relaxed)
            guard let signal = source.next() else { continue }
            report(signal)
            loopServers.each { loopServer in loopServer.withWorker { $0.receive(signal) } }
            if case .event(let event) = signal { eventLog.record(event) }
        }
    }

    /// Without events callers are served, only slower, so a metric and the log must show it.
    private func report(_ signal: EventSignal) {
        switch signal {
        case .up:
            isUp.record(1)
            if isBroken { logger.notice("the event subscription works again") }
            isBroken = false
        case .down(let reason):
            reportBreak(reason)
        case .partitionUp(let partition):
            silent.remove(partition)
            if silent.isEmpty { report(.up) }
        case .partitionDown(let partition, let reason):
            if silent.insert(partition).inserted, silent.count == 1 { reportBreak(reason) }
        case .event(let event):
            if event.from != event.to { watches.wake(event.partition) }
            loopServers.drainRates.withLock { $0.receive(event) }
            loopServers.recentCoupons.withLock { $0.add(event.coupons.map(\.coupon)) }
        }
    }

    private func reportBreak(_ reason: String) {
        isUp.record(0)
        isBroken = true
        logger.warning(
            "the event subscription is broken: finished coupons cost more and waiters wait longer",
            metadata: [LogKey.reason: "\(reason)"])
    }

    /// Ends `run` within half a second.
    nonisolated func stop() { isStopping.store(true, ordering: .relaxed) }
}
