/// Everything slow that requests need beside the gate: loads, statuses, decisions, admin methods.
///
/// Blocking calls on a thread of its own, one job after the other, so that no event loop ever waits.
public import CouponCore
internal import CouponWire
internal import Logging
internal import NIOCore
internal import SerialThreads
internal import Synchronization

/// All that a catalog asks of PostgreSQL.
public typealias CatalogStore =
    CouponStore & CouponLookup & AccountsStore & IssueStore & DeadLetterStore
/// All that a catalog asks of Redis.
public typealias CatalogGates = GateControl & HolderSource & DeadLetterGate

actor Catalog {
    typealias Job = @Sendable (isolated Catalog) -> Void

    let partitioning: Partitioning
    let logger: Logger
    let clocks: Clocks
    private let thread: SerialThread
    private let makeStore: @Sendable () -> any CatalogStore
    private let makeGates: @Sendable () -> any CatalogGates
    private let roster: Roster
    private let jobs: AsyncStream<Job>
    private let inbox: AsyncStream<Job>.Continuation
    private let waiting = Atomic<Int>(0)
    private let reloadSettings: @Sendable () -> Void
    private let isRefreshWaiting = Atomic<Bool>(false)

    private(set) lazy var store: any CatalogStore = makeStore()
    private(set) lazy var gates: any CatalogGates = makeGates()
    private var auditor: Auditor?
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

    /// The same for dead letters.
    private(set) lazy var letters = DeadLetterKeeper(store: store, gates: gates, keeper: keeper)

    /// The actor's own thread: its calls block.
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe thread.asUnownedSerialExecutor()
    }

    /// - Parameter auditor: nil where the catalog only serves.
    init(
        name: String, partitioning: Partitioning,
        store: @escaping @Sendable () -> any CatalogStore,
        gates: @escaping @Sendable () -> any CatalogGates, auditor: Auditor? = nil, roster: Roster,
        logger: Logger, clocks: Clocks, reloadSettings: @escaping @Sendable () -> Void
    ) {
        thread = SerialThread(name: name)
        self.auditor = auditor
        self.partitioning = partitioning
        makeStore = store
        makeGates = gates
        self.roster = roster
        self.logger = logger
        self.clocks = clocks
        self.reloadSettings = reloadSettings
        (jobs, inbox) = AsyncStream.makeStream(of: Job.self)
    }

    /// Works through the jobs until `finish`.
    func run() async {
        for await job in jobs {
            waiting.subtract(1, ordering: .relaxed)
            job(self)
        }
    }

    /// One second's look at the accounts; what cannot be read now is looked at later.
    func look() {
        do throws(Failure) {
            try auditor?.look(self, roster)
        } catch {
            logger.debug("accounts not read", metadata: ["error": "\(error.message)"])
        }
    }

    /// Reads anew what may be read anew, and drops what the local caches remember: everything is asked again.
    func reload() -> Response.Result {
        reloadSettings()
        roster.each { desk in desk.withWorker { $0.forgetAll() } }
        refreshPartitions()
        logger.info("reloaded")
        return .reloaded
    }

    /// Those of the coupons that exist.
    func lookUp(_ coupons: [CouponID]) -> Result<Set<CouponID>, Failure> {
        do throws(Failure) {
            return .success(
                try keeper.ledger { () throws(LedgerError) in
                    try store.existing(among: coupons)
                })
        } catch {
            return .failure(error)
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
