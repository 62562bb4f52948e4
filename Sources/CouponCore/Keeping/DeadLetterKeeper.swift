/// Redrives and discards dead letters: PostgreSQL first, then the gate, as with every change (rule 33).
///
/// Whoever dies in between leaves a letter of which the gate was not told; some daemon tells it within
/// a second. Blocking, and confined to one thread.
public final class DeadLetterKeeper {
    private let store: any DeadLetterStore
    private let gates: any DeadLetterGate
    private let keeper: CouponKeeper

    /// - Parameter keeper: says errors in the callers' words.
    public init(
        store: any DeadLetterStore, gates: any DeadLetterGate, keeper: CouponKeeper
    ) {
        self.store = store
        self.gates = gates
        self.keeper = keeper
    }

    /// Letters with a number above `after`, in order.
    public func list(
        after: Int64, of coupon: CouponID?, limit: Int
    ) throws(Failure) -> [DeadLetter] {
        try keeper.ledger { () throws(LedgerError) in
            try store.deadLetters(after: after, of: coupon, limit: limit)
        }
    }

    /// Redrives or discards a letter. Should the gate not be told by now, `tell` follows.
    public func decide(_ id: Int64, _ state: DeadLetter.State) throws(Failure) -> DeadLetter {
        let decision = try keeper.ledger { () throws(LedgerError) in try store.decide(id, state) }
        switch decision {
        case .missing: throw Failure(.notFound, "there is no dead letter \(id)")
        case .refused(let text): throw Failure(.failedPrecondition, text)
        case .decided(let letter):
            if (try? tell(id)) == true { return letter }
            throw Failure(
                .deadlineExceeded,
                "the decision is committed, but the gate could not be told yet: it follows")
        }
    }

    /// Tells the gates what an earlier daemon could not. Called each second.
    public func tell() {
        let unsynced = (try? store.unsyncedLetters(limit: 100)) ?? []
        Self.inTurn(unsynced) { id throws(LedgerError) in try tell(id) }
    }

    /// One letter after the other. Where Redis or PostgreSQL is away the others are not tried: each attempt
    /// may last seconds, with rows locked.
    /// - Parameter tell: whether the gate knows now; nil where it could not be reached.
    static func inTurn(_ letters: [Int64], _ tell: (Int64) throws(LedgerError) -> Bool?) {
        for id in letters {
            do throws(LedgerError) {
                if try tell(id) == nil { return }
            } catch .sessionLost {
                return
            } catch {
                continue  // a lock, or something about this letter
            }
        }
    }

    /// Whether the gate knows now; nil where it could not be reached.
    private func tell(_ id: Int64) throws(LedgerError) -> Bool? {
        var isReached = true
        let isSynced = try store.tell(id) { letter, coupon, row in
            var result: SetResult?
            do throws(GateControlError) {
                result = try gates.settle(
                    letter, of: coupon, partition: row.id, epoch: row.epoch)
            } catch {
                isReached = false
            }
            if letter.accepted != nil { keeper.forget(coupon.id) }
            return result == .current || result == .notLoaded
        }
        return isReached ? isSynced : nil
    }
}
