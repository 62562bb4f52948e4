/// One lane of slow work: a queue of jobs, and a thread with a session of PostgreSQL and a connection to
/// Redis of its own. It does one job after the other, in blocking calls, so that no event loop ever waits.
public import CouponCore
internal import CouponWire
internal import Logging
internal import NIOCore
internal import SerialThreads
internal import Synchronization

/// All that a catalog asks of PostgreSQL.
public typealias CatalogStore =
    CouponStore & AccountsStore & IssueStore & DeadLetterStore
/// All that a catalog asks of Redis.
public typealias CatalogGates = GateControl & AccountsGate & DeadLetterGate

actor Catalog {
    typealias Job = @Sendable (isolated Catalog) -> Void

    let lane: Lane
    let partitioning: Partitioning
    let logger: Logger
    let clocks: Clocks
    private let thread: SerialThread
    private let makeStore: @Sendable () -> any CatalogStore
    private let makeGates: @Sendable () -> any CatalogGates
    private let roster: Roster
    private let jobs: AsyncStream<Job>
    private let inbox: AsyncStream<Job>.Continuation
    private let jobsWaiting = Atomic<Int>(0)
    private let jobsRefused = Atomic<Int>(0)
    private let isRecurringWaiting = Atomic(false)
    private let reloadSettings: @Sendable () -> Void

    private(set) lazy var store: any CatalogStore = makeStore()
    private(set) lazy var gates: any CatalogGates = makeGates()
    /// The loads under way, and who is told of their ends.
    var loads: [CouponID: [@Sendable (LoadOutcome) -> Void]] = [:]
    /// What they may still stage this second.
    lazy var loadBudget = LoadBudget(now: clocks.now())
    private let owns: (@Sendable (PartitionID) -> Bool)?
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

    private lazy var report = AuditReport(logger)
    private lazy var auditor: Auditor? = owns.map { [report] owns in
        Auditor(store: store, gates: gates, partitioning: partitioning, owns: owns) {
            report.tell($0)
        }
    }

    /// The actor's own thread: its calls block.
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe thread.asUnownedSerialExecutor()
    }

    /// - Parameter owns: for the auditor; nil where the lane only serves.
    init(
        _ lane: Lane, partitioning: Partitioning,
        store: @escaping @Sendable () -> any CatalogStore,
        gates: @escaping @Sendable () -> any CatalogGates,
        owns: (@Sendable (PartitionID) -> Bool)?, roster: Roster, logger: Logger, clocks: Clocks,
        reloadSettings: @escaping @Sendable () -> Void
    ) {
        self.lane = lane
        thread = SerialThread(name: "coupond.\(lane)")
        self.owns = owns
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
        for await job in jobs { job(self) }
    }

    /// One second's look at the accounts; what cannot be read now is looked at later.
    func look() {
        guard let auditor else { return }
        let standings = auditor.standings
        roster.each { desk in desk.withWorker { $0.audit(standings) } }
        auditor.look()
        report.record(drifting: auditor.drifting)
    }

    /// Reads anew what may be read anew, and drops what the local caches remember: everything is asked again.
    func reload() -> Response.Result {
        reloadSettings()
        roster.each { desk in
            desk.withWorker { $0.forgetAll() }
            desk.refreshPartitions()
        }
        logger.info("reloaded")
        return .reloaded
    }

    // MARK: The queue

    /// Jobs that wait for their turn.
    nonisolated var waiting: Int { jobsWaiting.load(ordering: .relaxed) }

    /// Jobs that were not taken.
    nonisolated var refused: Int { jobsRefused.load(ordering: .relaxed) }

    /// No more jobs.
    nonisolated func finish() { inbox.finish() }

    /// Queues a job. False where too many wait.
    nonisolated func submit(_ job: @escaping Job) -> Bool {
        guard jobsWaiting.add(1, ordering: .relaxed).newValue <= lane.bound else {
            jobsWaiting.subtract(1, ordering: .relaxed)
            refuse()
            return false
        }
        inbox.yield { catalog in
            catalog.jobsWaiting.subtract(1, ordering: .relaxed)
            job(catalog)
        }
        return true
    }

    /// Counts a job that was refused before it came here.
    nonisolated func refuse() { jobsRefused.add(1, ordering: .relaxed) }

    /// Queues what the lane does over and over, above its bound; asked for again before its turn, it is done
    /// once.
    nonisolated func submitRecurring(_ job: @escaping Job) {
        guard !isRecurringWaiting.exchange(true, ordering: .relaxed) else { return }
        inbox.yield { catalog in
            catalog.isRecurringWaiting.store(false, ordering: .relaxed)
            job(catalog)
        }
    }

    /// Queues the rest of a job that goes in steps, beside the bound: it was counted when it began.
    nonisolated func goOn(_ job: @escaping Job) { inbox.yield(job) }

    /// The same, a little later.
    nonisolated func goOn(after milliseconds: Int64, _ job: @escaping Job) {
        Task {
            try? await Task.sleep(for: .milliseconds(milliseconds))
            goOn(job)
        }
    }

    /// Reads PostgreSQL's partitions and tells every worker.
    nonisolated func refreshPartitions() {
        let roster = self.roster
        submitRecurring { catalog in
            let rows = try? catalog.store.partitions()
            roster.each { desk in desk.withWorker { $0.take(rows: rows) } }
        }
    }
}
