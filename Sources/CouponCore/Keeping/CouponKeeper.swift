/// Keeps gates and PostgreSQL in step: loads, statuses, decisions, changes (rules 32 to 37).
///
/// It stands between the two ports and does no I/O itself, so that a simulator can stop it between any two
/// calls. Blocking, and confined to one thread.
public final class CouponKeeper {
    let store: any CouponStore
    let gates: any GateControl
    let partitioning: Partitioning
    let clocks: Clocks
    let forget: (CouponID) -> Void
    let failed: (String, any Error) -> Void

    /// - Parameters:
    ///   - forget: whatever the local caches say of this coupon is out of date.
    ///   - failed: a port failed, for the log: which, and how. The caller hears it in other words.
    public init(
        store: any CouponStore, gates: any GateControl, partitioning: Partitioning, clocks: Clocks,
        forget: @escaping (CouponID) -> Void, failed: @escaping (String, any Error) -> Void
    ) {
        self.store = store
        self.gates = gates
        self.partitioning = partitioning
        self.clocks = clocks
        self.forget = forget
        self.failed = failed
    }

    /// Rule 36; nil where PostgreSQL cannot be asked.
    public func decisions(_ questions: [Holding], in partition: PartitionID) -> Decisions? {
        do {
            return try store.decisions(questions, in: partition)
        } catch {
            failed("decisions", error)
            return nil
        }
    }

    /// Rule 32: brings a coupon into the gate, in a race with other loaders, commits and rebuilds.
    public func load(_ coupon: CouponID) -> LoadOutcome {
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
            case .fenced, .sessionLost: throw .unavailable("PostgreSQL is not reachable")
            }
        }
    }
}
