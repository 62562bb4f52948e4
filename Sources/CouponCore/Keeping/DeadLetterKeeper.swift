/// Redrives and discards dead letters: PostgreSQL first, then the gate, as with every change (rule 33).
///
/// If a daemon dies in between, the gate lacks the decision; another daemon sends it within a second.
/// Blocking, and confined to one thread.
public final class DeadLetterKeeper {
    private let store: any DeadLetterStore
    private let gates: any GateControl
    private let clocks: Clocks
    /// The partitions whose gates did not get a decision.
    private var stuck = StuckPartitions()
    /// Coupons that were being loaded when the last round came to their letters.
    private var loading: Set<CouponID> = []
    private let forget: (CouponID) -> Void

    /// - Parameter forget: is called with a coupon if what the workers remember of it is out of date.
    public init(
        store: any DeadLetterStore, gates: any GateControl, clocks: Clocks,
        forget: @escaping (CouponID) -> Void
    ) {
        self.store = store
        self.gates = gates
        self.clocks = clocks
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
            // During a load the gate gets the decision when the load has ended.
            let sync = try? resync(id)
            if sync == .done || sync == .loading { return letter }
            throw .answer(
                Failure(
                    .deadlineExceeded,
                    "the decision is committed, but the gate could not be updated yet: "
                        + "the daemon tries again each second",
                    acceptance: .unknown))
        }
    }

    /// Sends decisions that the gates lack. Called each second. The decisions of coupons that were being
    /// loaded in the last round come last: a round looks at a hundred letters of a partition, and these may
    /// be more.
    public func resync() {
        let end = clocks.now().advanced(byMilliseconds: Limits.resyncMilliseconds)
        let before = loading
        loading = []
        stuck.begin()
        resync(except: before, until: end)
        if !before.isEmpty, clocks.now() < end { resync(except: [], until: end) }
    }

    private func resync(except coupons: Set<CouponID>, until end: MonotonicTime) {
        let unsynced =
            (try? store.unsyncedLetters(limit: Limits.lettersPerResync, except: coupons)) ?? []
        Self.inTurn(unsynced, &stuck, &loading) {
            clocks.now() >= end
        } resync: { id throws(BackendError) in
            try resync(id)
        }
    }

    /// One letter after the other, until the round has had its time. If a gate cannot be updated, no other
    /// letter of its partition is tried, and in the next round the letters of other partitions come first:
    /// each attempt may take seconds, with rows locked.
    /// - Parameters:
    ///   - loading: coupons of which this round tries no other letter, because they are being loaded.
    ///   - isLate: whether the round has had its time.
    static func inTurn(
        _ letters: [UnsyncedLetter], _ stuck: inout StuckPartitions,
        _ loading: inout Set<CouponID>, isLate: () -> Bool,
        resync: (Int64) throws(BackendError) -> Sync
    ) {
        var rest = letters
        repeat {
            let next = rest.filter { !stuck.all.contains($0.partition) }
            rest.removeAll { !stuck.all.contains($0.partition) }
            for letter in next where !stuck.all.contains(letter.partition) {
                if let coupon = letter.coupon, loading.contains(coupon) { continue }
                do throws(BackendError) {
                    switch try resync(letter.id) {
                    case .done: break
                    case .loading: if let coupon = letter.coupon { loading.insert(coupon) }
                    case .failed: stuck.fail(letter.partition)
                    }
                } catch .postgres(.sessionLost), .postgres(.unreachable) {
                    return
                } catch {
                    // The fault is a lock, or belongs to this letter.
                }
                if isLate() { return }
            }
        } while stuck.tryEarlierOnes()
    }

    /// Whether the gate has a decision.
    enum Sync { case done, loading, failed }

    private func resync(_ id: Int64) throws(BackendError) -> Sync {
        var isLoading = false
        let isSynced = try store.resyncLetter(id) { letter, coupon, row in
            let result = try? gates.apply(
                letter, of: coupon, partition: row.id, epoch: row.epoch)
            if letter.accepted != nil { forget(coupon.id) }
            isLoading = result == .loading
            return result == .current || result == .notLoaded
        }
        return isSynced ? .done : isLoading ? .loading : .failed
    }
}
