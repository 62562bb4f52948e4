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

    /// Whatever the local caches say of a coupon is out of date.
    func forget(_ coupon: CouponID) {
        roster.each { desk in desk.withWorker { $0.forget(coupon) } }
    }

    /// Rule 36; nil where PostgreSQL cannot be asked.
    func decisions(_ questions: [Holding], in partition: PartitionID) -> Decisions? {
        do {
            return try store.decisions(questions, in: partition)
        } catch {
            logger.debug("decisions not read", metadata: ["error": "\(error)"])
            return nil
        }
    }

    // MARK: Loading

    /// Rule 32: brings a coupon into the gate, in a race with other loaders, commits and rebuilds.
    func load(_ coupon: CouponID) -> LoadOutcome {
        do throws(Failure) {
            for _ in 0..<5 {
                if let outcome = try tryLoad(coupon) { return outcome }
            }
            return .failed(.unavailable("the coupon could not be loaded: ask again"))
        } catch {
            return .failed(error)
        }
    }

    /// Nil where somebody was faster: look again.
    private func tryLoad(_ id: CouponID) throws(Failure) -> LoadOutcome? {
        let partition = partitioning.partition(of: id)
        let view = try gate { () throws(GateControlError) in
            try gates.inspect(id, partition: partition, user: nil)
        }
        guard view.status == .open else { throw .unavailable("the gate is not open yet") }
        if view.record != nil { return .loaded }
        let loaded = try ledger { () throws(LedgerError) in try store.load(id) }
        guard let loaded else { return .absent }
        let result = try gate { () throws(GateControlError) in
            try gates.load(
                loaded, partition: partition, epoch: view.epoch, token: view.loadToken)
        }
        guard result == .loaded else { return result == .alreadyLoaded ? .loaded : nil }
        let coupon = try ledger { () throws(LedgerError) in try store.coupon(id) }
        if let coupon, coupon.version > loaded.coupon.version {
            _ = try gate { () throws(GateControlError) in
                try gates.set(coupon, partition: partition, epoch: view.epoch)
            }
        }
        return .loaded
    }

    // MARK: Errors

    /// Runs a call of the gates' control side, and says its errors in the callers' words.
    func gate<Value>(_ body: () throws(GateControlError) -> Value) throws(Failure) -> Value {
        do { return try body() } catch {
            logger.debug("gate control failed", metadata: ["error": "\(error)"])
            throw .unavailable("Redis is not reachable")
        }
    }

    /// Runs a call of the store, and says its errors in the callers' words.
    func ledger<Value>(_ body: () throws(LedgerError) -> Value) throws(Failure) -> Value {
        do { return try body() } catch {
            logger.debug("store failed", metadata: ["error": "\(error)"])
            switch error {
            case .refused(let text): throw Failure(.internal, "PostgreSQL refuses: \(text)")
            case .busy: throw .unavailable("the coupon is locked: ask again")
            case .fenced, .sessionLost: throw .unavailable("PostgreSQL is not reachable")
            }
        }
    }
}
