/// Runs the scheduler on a thread of its own until the daemon drains.
public import CouponCore
public import Logging
public import ServiceLifecycle
internal import SerialThreads
internal import Synchronization

/// The scheduler as a service.
public actor SchedulerService: Service {
    private let thread = SerialThread(name: "coupond.scheduler")
    private let makeLedger: @Sendable () -> any Ledger
    private let makeGates: @Sendable () -> any GateControl
    private let options: SchedulerOptions
    private let logger: Logger
    private let instruments = Instruments()
    private let isStopping = Atomic(false)
    private let owned = Mutex<Set<PartitionID>>([])
    private let trouble = Mutex<String?>(nil)
    private let progress = Mutex(SchedulerState())

    /// The actor's own thread: its calls block.
    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe thread.asUnownedSerialExecutor()
    }

    /// - Parameters:
    ///   - ledger: makes the scheduler's session with PostgreSQL; called on its thread.
    ///   - gates: makes its connection to Redis; called on its thread.
    public init(
        ledger: @escaping @Sendable () -> any Ledger,
        gates: @escaping @Sendable () -> any GateControl, options: SchedulerOptions, logger: Logger
    ) {
        makeLedger = ledger
        makeGates = gates
        self.options = options
        self.logger = logger
    }

    /// Whether this daemon owns a partition, as of a moment ago.
    public nonisolated func owns(_ partition: PartitionID) -> Bool {
        owned.withLock { $0.contains(partition) }
    }

    /// Why a partition that this daemon owns waits, as of a moment ago; nil if none does.
    public nonisolated var whyPartitionsWait: String? { trouble.withLock { $0 } }

    /// The queues of owned partitions and the rebuilds, as of a moment ago.
    public nonisolated var state: SchedulerState { progress.withLock { $0 } }

    /// Counts a coupon for which PostgreSQL went back.
    public nonisolated func countPostgresRollback() { instruments.count(.postgresRollbacks) }

    /// Drains queues until graceful shutdown or cancellation, then gives the partitions up.
    public func run() async throws {
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
            self.progress.withLock { $0.queues = $0.queues.filter { owned.contains($0.key) } }
        }
        options.reportQueue = { [self] partition, queue in
            self.progress.withLock { $0.queues[partition] = queue }
        }
        options.reportRebuilds = { [self] shares in self.progress.withLock { $0.rebuilds = shares }
        }
        options.reportTrouble = { [self] trouble in self.trouble.withLock { $0 = trouble } }
        let scheduler = Scheduler(
            ledger: makeLedger(), gates: makeGates(), options: options, logger: logger,
            instruments: instruments)
        while !isStopping.load(ordering: .relaxed) { scheduler.turn() }
    }
}
