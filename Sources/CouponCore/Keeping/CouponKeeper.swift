/// Keeps gates and PostgreSQL in step: loads, statuses, decisions, changes (rules 32 to 37).
///
/// It stands between the two ports and does no I/O itself, so that a simulator can stop it between any two
/// calls. Blocking, and confined to one thread.
public final class CouponKeeper {
    let store: any CouponStore
    let gates: any GateControl
    let partitioning: Partitioning
    let slices: Slices
    let clocks: Clocks
    let forget: (CouponID) -> Void
    let failed: (String, any Error) -> Void
    /// A load that an admin's deadline has interrupted.
    private var unfinished: CouponLoad?

    /// - Parameters:
    ///   - forget: whatever the local caches say of this coupon is out of date.
    ///   - failed: a port failed, for the log: which, and how. The caller hears it in other words.
    public init(
        store: any CouponStore, gates: any GateControl, partitioning: Partitioning,
        slices: Slices = Slices(), clocks: Clocks,
        forget: @escaping (CouponID) -> Void, failed: @escaping (String, any Error) -> Void
    ) {
        self.store = store
        self.gates = gates
        self.partitioning = partitioning
        self.slices = slices
        self.clocks = clocks
        self.forget = forget
        self.failed = failed
    }

    /// Rule 36; nil where PostgreSQL cannot be asked.
    public func decisions(_ questions: [AcceptedRequest], in partition: PartitionID) -> Decisions? {
        do {
            return try store.decisions(questions, in: partition)
        } catch {
            failed("decisions", error)
            return nil
        }
    }

    /// Rule 32: brings a coupon into the gate, for an admin who waits. Others advance a `CouponLoad`
    /// themselves. What the deadline interrupts goes on with the admin's next try.
    func load(_ coupon: CouponID, by deadline: MonotonicTime) throws(Failure) {
        var load = unfinished ?? CouponLoad(of: coupon, number: .random(in: 1...(.max)))
        if load.coupon != coupon {
            load.abandon(self)
            load = CouponLoad(of: coupon, number: .random(in: 1...(.max)))
        }
        unfinished = nil
        while clocks.now() < deadline {
            switch load.advance(self) {
            case .moved: break
            case .wait: clocks.pause(Int(Limits.loadPauseMilliseconds))
            case .done(.failed(let failure)): throw failure
            case .done: return
            }
        }
        unfinished = load
        throw Failure(
            .deadlineExceeded,
            "the coupon's holders are still on their way to the gate, nothing was changed: try again"
        )
    }

    /// Runs a call of the gates' control side, and says its errors in the callers' words.
    public func gate<Value>(_ body: () throws(GateControlError) -> Value) throws(Failure) -> Value {
        do { return try body() } catch {
            failed("gate control", error)
            throw .unavailable("Redis is not reachable")
        }
    }

    /// Runs a call of the store, and says its errors in the callers' words.
    public func ledger<Value>(_ body: () throws(LedgerError) -> Value) throws(Failure) -> Value {
        do { return try body() } catch {
            failed("store", error)
            switch error {
            case .refused(let text): throw Failure(.internal, "PostgreSQL refuses: \(text)")
            case .busy: throw .unavailable("the coupon is locked: ask again")
            case .tooSlow: throw .unavailable("PostgreSQL took too long: ask again")
            case .failed: throw .unavailable("PostgreSQL cannot do this now: ask again")
            case .fenced, .sessionLost: throw .unavailable("PostgreSQL is not reachable")
            }
        }
    }
}
