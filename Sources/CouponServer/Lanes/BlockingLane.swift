/// One lane of slow work: a queue of jobs, and a thread with its own session with PostgreSQL and its own
/// connection to Redis. It does one job after the other, in blocking calls, so event loops never wait.
public import CouponCore
internal import CouponWire
internal import Logging
internal import NIOCore
internal import SerialThreads
internal import Synchronization

/// All that a lane asks of PostgreSQL.
public typealias LaneStore = CouponStore & AuditStore & EventStore
/// All that a lane asks of Redis.
public typealias LaneGates = GateControl & AuditGate

actor BlockingLane {
    typealias Job = @Sendable (isolated BlockingLane) -> Void

    let kind: Lane
    let partitioning: Partitioning
    let logger: Logger
    let clocks: Clocks
    private let thread: SerialThread
    let environment: any ServerEnvironment
    let loopServers: LoopServers
    private let end: AsyncStream<Never>
    private let finished: AsyncStream<Never>.Continuation
    private let jobsWaiting = Atomic<Int>(0)
    private let jobsRefused = Atomic<Int>(0)
    /// When the present job began, in nanoseconds; 0 between jobs.
    private let jobStart = Atomic<Int64>(0)
    private let isRecurringWaiting = Atomic(false)
    private let isFinished = Atomic(false)

    private(set) lazy var store: any LaneStore = environment.makeStore()
    private(set) lazy var gates: any LaneGates = environment.makeGates(
        answeringWithin: kind.gateMilliseconds)
    /// Why the partitions could not be read the last time.
    private var partitionsError: BackendError?
    /// The loads in flight, and what to call when each ends.
    var loads: [CouponID: [@Sendable (LoadOutcome) -> Void]] = [:]
    /// The loads that have not begun, in order.
    var loadsToBegin: [CouponID] = []
    /// The ends of the commit logs, as of the last second in which somebody waited for events.
    var newestCommits: [PartitionID: LogPlace] = [:]
    /// Coupons that are loaded before they open.
    var openings = Openings()
    /// Does the work on coupons; the lane is its thread.
    private(set) lazy var keeper = CouponKeeper(
        store: store, gates: gates, partitioning: partitioning, clocks: clocks,
        waitingTime: { [loopServers] position, partition, settled, now in
            loopServers.drainRates.withLock {
                $0.milliseconds(until: position, in: partition, settled: settled, now: now)
            }
        }, forget: forget
    ) { [logger] error in
        logger.log(
            level: error.isRefusal ? .warning : .debug, "a backend call failed",
            metadata: [LogKey.error: "\(error)"])
    }

    /// Drops what every worker remembers of a coupon.
    private lazy var forget: (CouponID) -> Void = { [loopServers] coupon in
        loopServers.each { loopServer in loopServer.withWorker { $0.forget(coupon) } }
    }

    /// The same for dead letters.
    private(set) lazy var letters = DeadLetterKeeper(
        store: store, gates: gates, clocks: clocks, forget: forget)

    private lazy var report = AuditReport(logger, environment)
    private lazy var auditor: Auditor = { [report, environment] in
        Auditor(
            store: store, gates: gates, partitioning: partitioning,
            owns: { environment.owns($0) }
        ) { report.record($0) }
    }()

    /// The actor's own thread: its calls block.
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe thread.asUnownedSerialExecutor()
    }

    init(
        _ kind: Lane, worker: WorkerOptions, environment: any ServerEnvironment,
        loopServers: LoopServers, logger: Logger
    ) {
        self.kind = kind
        thread = SerialThread(name: "coupond.\(kind)")
        self.environment = environment
        partitioning = worker.partitioning
        clocks = worker.clocks
        self.loopServers = loopServers
        self.logger = logger
        (end, finished) = AsyncStream.makeStream()
    }

    /// Ends after `finish`, once the present job has ended.
    func run() async { for await _ in end {} }

    /// Returns when the jobs before it have ended.
    func endJobs() {}

    /// Does a job, unless the lane is finished: then the job's caller waits no more, and the job could wait
    /// long for a server that does not answer.
    private func perform(_ job: Job) {
        guard !isFinished.load(ordering: .relaxed) else { return }
        jobStart.store(clocks.now().nanoseconds, ordering: .relaxed)
        job(self)
        jobStart.store(0, ordering: .relaxed)
    }

    /// Queues a job at the thread itself: a stream of jobs would wake a thread of Swift's pool for each.
    private nonisolated func enqueue(_ job: @escaping Job) {
        thread.perform { self.assumeIsolated { $0.perform(job) } }
    }

    /// When the thread's present job began; nil if the thread waits for one.
    nonisolated var jobBegan: MonotonicTime? {
        let time = jobStart.load(ordering: .relaxed)
        return time == 0 ? nil : MonotonicTime(nanoseconds: time)
    }

    /// Audits as many coupons as fit in a second; a coupon that cannot be read is audited later.
    func look() {
        let standings = auditor.standings
        loopServers.each { loopServer in loopServer.withWorker { $0.audit(standings) } }
        auditor.look()
        report.record(drifting: auditor.drifting)
    }

    /// Reads again the settings that a reload may change, and empties all front doors.
    /// - Parameter call: of the method; nil if a signal asks for it.
    func reload(by call: AdminCall?) -> Response.Result {
        let settings: ReloadedSettings
        do throws(Failure) {
            settings = try environment.reloadSettings()
        } catch {
            logger.error(
                "the reload failed, and changed nothing",
                metadata: [LogKey.reason: "\(error.message)"]
            )
            return .failure(error)
        }
        loopServers.limits.maximumConnections = settings.limits.connections
        loopServers.each { loopServer in
            loopServer.use(settings)
            loopServer.identifyAgain()
            loopServer.withWorker { $0.forgetAll() }
            loopServer.refreshPartitions()
        }
        recordReload(settings.callers, by: call)
        logger.info("reloaded")
        return .reloaded(settings.report)
    }

    // MARK: The queue

    /// Jobs that wait for their turn.
    nonisolated var waiting: Int { jobsWaiting.load(ordering: .relaxed) }

    /// Work that waits without a job of its own counts like jobs.
    nonisolated func changeWaiting(by change: Int) {
        jobsWaiting.add(change, ordering: .relaxed)
    }

    /// Jobs that were refused.
    nonisolated var refused: Int { jobsRefused.load(ordering: .relaxed) }

    /// Takes no more jobs, and does none of those that wait.
    nonisolated func finish() {
        isFinished.store(true, ordering: .relaxed)
        finished.finish()
    }

    /// Queues a job. False if too many wait.
    nonisolated func submit(_ job: @escaping Job) -> Bool {
        guard jobsWaiting.add(1, ordering: .relaxed).newValue <= kind.bound else {
            jobsWaiting.subtract(1, ordering: .relaxed)
            refuse()
            return false
        }
        enqueue { lane in
            lane.jobsWaiting.subtract(1, ordering: .relaxed)
            job(lane)
        }
        return true
    }

    /// Queues a job, or calls `refused` at once if too many wait.
    nonisolated func submit(_ job: @escaping Job, refused: (Failure) -> Void) {
        if !submit(job) { refused(kind.exhausted) }
    }

    /// Counts a job that was refused before it came here.
    nonisolated func refuse() { jobsRefused.add(1, ordering: .relaxed) }

    /// Queues a recurring job, which the bound does not count. If it is queued again before its turn, it runs
    /// once.
    nonisolated func submitRecurring(_ job: @escaping Job) {
        guard !isRecurringWaiting.exchange(true, ordering: .relaxed) else { return }
        enqueue { lane in
            lane.isRecurringWaiting.store(false, ordering: .relaxed)
            job(lane)
        }
    }

    /// Queues the next slice of a job. The bound does not count it: the job was counted when it began.
    nonisolated func goOn(_ job: @escaping Job) { enqueue(job) }

    /// The same, a little later, unless the task is cancelled before.
    @discardableResult
    nonisolated func goOn(
        after milliseconds: Int64, _ job: @escaping Job
    ) -> Task<Void, Never> {
        Task {
            do { try await Task.sleep(for: .milliseconds(milliseconds)) } catch { return }
            goOn(job)
        }
    }

    /// Nil if they cannot be read. A new reason is logged.
    private func readPartitions() -> [PartitionRow]? {
        do throws(BackendError) {
            let rows = try store.partitions()
            partitionsError = nil
            return rows
        } catch {
            if error != partitionsError {
                logger.warning(
                    "the partitions cannot be read", metadata: [LogKey.error: "\(error)"])
            }
            partitionsError = error
            return nil
        }
    }

    /// Reads the partitions from PostgreSQL and passes them to every worker.
    nonisolated func refreshPartitions() {
        let loopServers = self.loopServers
        submitRecurring { lane in
            let rows = lane.readPartitions()
            loopServers.each { loopServer in
                loopServer.followRoutes()
                loopServer.withWorker { $0.apply(rows: rows) }
            }
        }
    }
}
