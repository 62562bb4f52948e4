/// Redrives and discards dead letters: PostgreSQL first, then the gate, as with every change (rule 33).
///
/// If a daemon dies in between, the gate lacks the decision; another daemon sends it within a second.
/// Blocking, and confined to one thread.
public final class DeadLetterKeeper {
    private let store: any CouponStore
    private let gates: any GateControl
    private let forget: (CouponID) -> Void

    /// - Parameter forget: is called with a coupon if what the workers remember of it is out of date.
    public init(
        store: any CouponStore, gates: any GateControl,
        forget: @escaping (CouponID) -> Void
    ) {
        self.store = store
        self.gates = gates
        self.forget = forget
    }

    /// Letters with a number above `after`, in order.
    public func list(
        after: Int64, of coupon: CouponID?, limit: Int
    ) throws(BackendError) -> [DeadLetter] {
        try store.deadLetters(after: after, of: coupon, limit: limit)
    }

    /// Redrives or discards a letter. If the gate cannot be updated now, `resync` does it later.
    public func decide(
        _ id: Int64, _ state: DeadLetter.State, by call: AdminCall
    ) throws(BackendError) -> DeadLetter {
        let decision = try store.decide(id, state, by: call)
        switch decision {
        case .missing: throw .answer(Failure(.notFound, "there is no dead letter \(id)"))
        case .refused(let text): throw .answer(Failure(.failedPrecondition, text))
        case .decided(let letter):
            if (try? resync(id)) == true { return letter }
            throw .answer(
                Failure(
                    .deadlineExceeded,
                    "the decision is committed, but the gate could not be updated yet: "
                        + "the daemon tries again each second",
                    acceptance: .unknown))
        }
    }

    /// Sends decisions that the gates lack. Called each second.
    public func resync() {
        let unsynced = (try? store.unsyncedLetters(limit: 100)) ?? []
        Self.inTurn(unsynced) { id throws(BackendError) in try resync(id) }
    }

    /// One letter after the other. If Redis or PostgreSQL is away, it stops: each attempt may take seconds,
    /// with rows locked.
    /// - Parameter resync: whether the gate has the decision now; nil if the gate could not be reached.
    static func inTurn(_ letters: [Int64], _ resync: (Int64) throws(BackendError) -> Bool?) {
        for id in letters {
            do throws(BackendError) {
                if try resync(id) == nil { return }
            } catch .postgres(.sessionLost), .postgres(.unreachable) {
                return
            } catch {
                continue  // a lock, or something about this letter
            }
        }
    }

    /// Whether the gate has the decision now; nil if it could not be reached.
    private func resync(_ id: Int64) throws(BackendError) -> Bool? {
        var isReached = true
        let isSynced = try store.resyncLetter(id) { letter, coupon, row in
            var result: SetResult?
            do throws(BackendError) {
                result = try gates.apply(
                    letter, of: coupon, partition: row.id, epoch: row.epoch)
            } catch {
                isReached = false
            }
            if letter.accepted != nil { forget(coupon.id) }
            return result == .current || result == .notLoaded
        }
        return isReached ? isSynced : nil
    }
}
