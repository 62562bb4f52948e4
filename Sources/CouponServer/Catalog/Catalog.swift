/// Everything slow that requests need beside the gate: loads, statuses, decisions, admin methods.
///
/// Blocking calls on a thread of its own, one job after the other, so that no event loop ever waits.
internal import CouponCore
internal import CouponWire
internal import Logging
internal import NIOCore
internal import SerialThreads
internal import Synchronization

actor Catalog {
    typealias Job = @Sendable (isolated Catalog) -> Void

    let partitioning: Partitioning
    let logger: Logger
    let clocks: Clocks
    private let thread = SerialThread(name: "coupond.catalog")
    private let makeStore: @Sendable () -> any CouponStore
    private let makeGates: @Sendable () -> any GateControl
    private let roster: Roster
    private let jobs: AsyncStream<Job>
    private let inbox: AsyncStream<Job>.Continuation
    private let waiting = Atomic<Int>(0)
    private let isRefreshWaiting = Atomic<Bool>(false)

    private(set) lazy var store: any CouponStore = makeStore()
    private(set) lazy var gates: any GateControl = makeGates()
    /// What there is to do, without the thread on which it is done.
    private(set) lazy var keeper: CouponKeeper = {
        let (roster, logger) = (roster, logger)
        return CouponKeeper(
            store: store, gates: gates, partitioning: partitioning, clocks: clocks
        ) { coupon in
            roster.each { desk in desk.withWorker { $0.forget(coupon) } }
        } failed: { what, error in
            logger.debug("a port failed", metadata: ["port": "\(what)", "error": "\(error)"])
        }
    }()

    /// The actor's own thread: its calls block.
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe thread.asUnownedSerialExecutor()
    }

    init(
        partitioning: Partitioning, store: @escaping @Sendable () -> any CouponStore,
        gates: @escaping @Sendable () -> any GateControl, roster: Roster, logger: Logger,
        clocks: Clocks
    ) {
        self.partitioning = partitioning
        makeStore = store
        makeGates = gates
        self.roster = roster
        self.logger = logger
        self.clocks = clocks
        (jobs, inbox) = AsyncStream.makeStream(of: Job.self)
    }

    /// Works through the jobs until `finish`.
    func run() async {
        for await job in jobs {
            waiting.subtract(1, ordering: .relaxed)
            job(self)
        }
    }

    /// No more jobs.
    nonisolated func finish() { inbox.finish() }

    /// Queues a job. False where too many wait.
    nonisolated func submit(_ job: @escaping Job) -> Bool {
        guard waiting.add(1, ordering: .relaxed).newValue <= Limits.slowJobs else {
            waiting.subtract(1, ordering: .relaxed)
            return false
        }
        inbox.yield(job)
        return true
    }

    /// Reads PostgreSQL's partitions and tells every worker; asked for again meanwhile, it is done once.
    nonisolated func refreshPartitions() {
        guard !isRefreshWaiting.exchange(true, ordering: .relaxed) else { return }
        let roster = self.roster
        inbox.yield { catalog in
            catalog.isRefreshWaiting.store(false, ordering: .relaxed)
            let rows = try? catalog.store.partitions()
            roster.each { desk in desk.withWorker { $0.take(rows: rows) } }
        }
        waiting.add(1, ordering: .relaxed)
    }
}
