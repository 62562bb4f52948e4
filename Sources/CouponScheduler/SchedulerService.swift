/// Runs a scheduler on a thread of its own until the daemon drains.
internal import CouponCore
internal import Logging
internal import ServiceLifecycle
internal import SerialThreads
internal import Synchronization

/// An issuing lane as a service.
actor SchedulerService: Service {
    private let thread = SerialThread(name: "coupond.scheduler")
    private let makeLedger: @Sendable () -> any Ledger
    private let makeGates: IssuingLanes.MakeGates
    private let options: SchedulerOptions
    private let logger: Logger
    private let instruments: Instruments
    private let isStopping = Atomic(false)
    private let owned = Mutex<Set<PartitionID>>([])
    private let trouble = Mutex<String?>(nil)
    /// When the scheduler last looked at the time, in nanoseconds; 0 while it does not run.
    private let lastLook = Atomic<Int64>(0)
    private let reported = Mutex(SchedulerState())

    /// The actor's own thread: its calls block.
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe thread.asUnownedSerialExecutor()
    }

    /// - Parameters:
    ///   - ledger: makes the scheduler's session with PostgreSQL; called on its thread.
    ///   - gates: makes its connection to Redis; called on its thread. While Redis does not answer, it
    ///     must call `whileWaiting`, so that the session is not silent (rule 9).
    init(
        ledger: @escaping @Sendable () -> any Ledger,
        gates: @escaping IssuingLanes.MakeGates, options: SchedulerOptions, logger: Logger,
        instruments: Instruments
    ) {
        makeLedger = ledger
        makeGates = gates
        self.options = options
        self.logger = logger
        self.instruments = instruments
    }

    /// Whether this lane owns a partition, as of a moment ago.
    nonisolated func owns(_ partition: PartitionID) -> Bool {
        owned.withLock { $0.contains(partition) }
    }

    /// How many partitions this lane owns, as of a moment ago.
    nonisolated var partitionsOwned: Int { owned.withLock { $0.count } }

    /// Why a partition that this lane owns waits, as of a moment ago; nil if none does.
    nonisolated var whyPartitionsWait: String? { trouble.withLock { $0 } }

    /// When the scheduler last looked at the time, which it does in every step; nil while it does not run.
    nonisolated var progress: MonotonicTime? {
        let time = lastLook.load(ordering: .relaxed)
        return time == 0 ? nil : MonotonicTime(nanoseconds: time)
    }

    /// The queues of owned partitions and the rebuilds, as of a moment ago.
    nonisolated var state: SchedulerState { reported.withLock { $0 } }

    /// Counts a coupon for which PostgreSQL went back.
    nonisolated func countPostgresRollback() { instruments.count(.postgresRollbacks) }

    /// Drains queues until graceful shutdown or cancellation, then gives the partitions up.
    func run() async throws {
        await withGracefulShutdownHandler {
            await withTaskCancellationHandler {
                drain()
            } onCancel: {
                stop()
            }
        } onGracefulShutdown: {
            self.stop()
        }
    }

    private nonisolated func stop() { isStopping.store(true, ordering: .relaxed) }

    /// The session ends with the scheduler, and all its locks at once. If they were released one by one,
    /// other daemons would still count this daemon and leave it its share.
    private func drain() {
        var options = options
        options.reportOwned = { [self] owned in
            self.owned.withLock { $0 = owned }
            self.reported.withLock { $0.queues = $0.queues.filter { owned.contains($0.key) } }
        }
        options.reportQueue = { [self] partition, queue in
            self.reported.withLock { $0.queues[partition] = queue }
        }
        options.reportRebuilds = { [self] shares in
            self.reported.withLock { $0.rebuilds = shares }
        }
        options.reportTrouble = { [self] trouble in self.trouble.withLock { $0 = trouble } }
        options.clocks.now = { [self, now = options.clocks.now] in
            let time = now()
            lastLook.store(time.nanoseconds, ordering: .relaxed)
            return time
        }
        defer { lastLook.store(0, ordering: .relaxed) }
        let ledger = makeLedger()
        let gates = makeGates { () throws(BackendError) in
            if ledger.isConnected { try ledger.ping() }
        }
        let scheduler = Scheduler(
            ledger: ledger, gates: gates, options: options, logger: logger,
            instruments: instruments)
        while !isStopping.load(ordering: .relaxed) { scheduler.turn() }
    }
}
