/// Keeps gates and PostgreSQL in step: loads, statuses, decisions, changes (rules 32 to 37).
///
/// It does its I/O through two ports, so that a simulator can stop it between any two calls. Blocking, and
/// confined to one thread.
public final class CouponKeeper {
    let store: any CouponStore
    let gates: any GateControl
    let partitioning: Partitioning
    let slices: Slices
    let clocks: Clocks
    let waitingTime: WaitingTime
    let forget: (CouponID) -> Void
    private let failed: (BackendError) -> Void
    /// A load that an admin's deadline has interrupted.
    private var unfinished: CouponLoad?
    /// How much the lane's loads may write.
    public lazy var loadBudget = LoadBudget(now: clocks.now())
    /// The partitions whose gates did not get a change from the outbox.
    var stuck = StuckPartitions()
    /// How many statuses to ask for at once. If PostgreSQL takes too long for a batch, it falls to half the
    /// size of that batch; it rises again with each batch that PostgreSQL answers.
    public internal(set) var statusesAtOnce = Limits.statusesPerBatch
    /// How many coupons to load together: the more holders the last ones had, the fewer.
    public internal(set) var loadsAtOnce = Limits.couponsPerSlice

    /// The time until a queue entry is decided, in milliseconds; nil if not known. See `DrainRates`.
    public typealias WaitingTime = (
        _ position: Position, _ partition: PartitionID, _ settled: Position, _ now: Timestamp
    ) -> Int64?

    /// - Parameters:
    ///   - forget: is called with a coupon if what the workers remember of it is out of date.
    ///   - failed: is called with each error of Redis or PostgreSQL, for the log.
    public init(
        store: any CouponStore, gates: any GateControl, partitioning: Partitioning,
        slices: Slices = Slices(), clocks: Clocks,
        waitingTime: @escaping WaitingTime = { _, _, _, _ in nil },
        forget: @escaping (CouponID) -> Void, failed: @escaping (BackendError) -> Void
    ) {
        self.store = store
        self.gates = gates
        self.partitioning = partitioning
        self.slices = slices
        self.clocks = clocks
        self.waitingTime = waitingTime
        self.forget = forget
        self.failed = failed
    }

    /// Rule 36; nil if PostgreSQL cannot be asked.
    public func decisions(_ questions: [AcceptedRequest], in partition: PartitionID) -> Decisions? {
        do {
            return try store.decisions(questions, in: partition)
        } catch {
            failed(error)
            return nil
        }
    }

    /// Rule 32: loads a coupon into the gate while an admin waits; other callers advance a `CouponLoad`. The
    /// admin needs the record only: if the coupon is filling, the next request for it goes on with the load.
    /// A load that the deadline interrupts continues with the admin's next try.
    func load(_ coupon: CouponID, by deadline: MonotonicTime) throws(BackendError) {
        var load = unfinished ?? CouponLoad(of: coupon, number: .random(in: 1...(.max)))
        if load.coupon != coupon {
            load.abandon(self)
            load = CouponLoad(of: coupon, number: .random(in: 1...(.max)))
        }
        unfinished = nil
        let waitsUntil = clocks.now().advanced(byMilliseconds: Limits.loadWaitMilliseconds)
        while clocks.now() < deadline {
            let wait = loadBudget.wait(now: clocks.now())
            guard wait == 0 else {
                clocks.pause(Int(min(wait, Limits.loadPauseMilliseconds)))
                continue
            }
            switch load.advance(self) {
            case .moved: break
            case .opened: return load.abandon(self)
            case .wait:
                guard clocks.now() < waitsUntil else { throw Self.stillLoaded }
                clocks.pause(Int(Limits.loadPauseMilliseconds))
            case .done(let outcome):
                loadBudget.spendCoupon()
                if case .failed(let failure) = outcome { throw .answer(failure) }
                return
            }
        }
        unfinished = load
        throw Self.stillLoaded
    }

    private static let stillLoaded = BackendError.answer(
        Failure(
            .deadlineExceeded,
            "the coupon's holders are still being loaded, nothing was changed: try again"))

    /// What a caller reads of an error; the server's own text goes to the log.
    public func failure(_ error: BackendError) -> Failure {
        if case .answer = error {} else { failed(error) }
        return Failure(error)
    }
}
