/// The slow side of the gates: what scheduler, loader and admin do to them in Redis.
///
/// Blocking, and confined to one thread. Each call is one script, atomic; each says by its result when
/// the gate had moved on and nothing was changed. After an error the next call connects anew.
public protocol GateControl: AnyObject {
    /// Which Redis it reaches, asked anew, its durability settings checked.
    func identity() throws(BackendError) -> RedisIdentity

    /// The gate, and the entries in (after, upTo], one epoch only, whole entries (rule 16). Of a damaged
    /// one the holders are not looked for.
    /// - Parameters:
    ///   - upTo: nil for the end of the queue.
    ///   - maximumRequests: stop before the entry that would exceed it; the first always comes.
    func read(
        _ partition: PartitionID, after: Position, upTo: Position?, maximumRequests: Int
    ) throws(BackendError) -> GateView

    /// Waits until one of the queues has an entry after the given position, or the time is over; 0 only
    /// looks. The partitions whose queues have one.
    func wait(
        for queues: [(partition: PartitionID, after: Position)], milliseconds: Int
    ) throws(BackendError) -> [PartitionID]

    /// Rules 21 to 23, and what has come after it, as `read` gives it, in the same round trip. Nil where
    /// the gate has another epoch or `settled` than it expects.
    func settle(
        _ settlement: Settlement, thenReading maximumRequests: Int
    ) throws(BackendError) -> GateView?

    /// Publishes how far partitions are settled (rule 24), and reads each of them after its cursor, all in
    /// one round trip. Nil for one whose gate is not open in its epoch.
    func heartbeat(_ rows: [PartitionRow]) throws(BackendError) -> [GateView?]

    // MARK: Rebuild

    /// Rule 27: fences the gate with the row's epoch, and has the rebuild count the queue from the row's
    /// cursor on. False where the gate has this epoch or a later one.
    func fence(_ row: PartitionRow) throws(BackendError) -> Bool

    /// Fences a gate that somebody knows to be wrong, where it is open: its owner builds it anew.
    /// - Returns: the last epoch that will not do; a gate that opens in a later one was built anew.
    func distrust(_ partition: PartitionID) throws(BackendError) -> Epoch

    /// Shows that the rebuild with this epoch moves: another owner waits for it. False where the gate
    /// is not fenced with that epoch any more.
    func beat(_ partition: PartitionID, epoch: Epoch) throws(BackendError) -> Bool

    /// The entries behind `after` as they lie in the queue, `limit` at most, whatever their epoch. Of a
    /// damaged one the holders are not looked for.
    func entries(
        _ partition: PartitionID, after: Position, limit: Int
    ) throws(BackendError) -> [QueueItem]

    /// Rule 30: counts queued requests at their coupons, in a gate that is fenced with this epoch and has
    /// counted up to `from`; then it has up to `to`, so that a repetition changes nothing. Requests of
    /// coupons without a record are passed over. False where the gate is not there, and nothing changed.
    func count(
        _ requests: [PlacedRequest], from: Position, to: Position, partition: PartitionID,
        epoch: Epoch
    ) throws(BackendError) -> Bool

    /// Rule 31. False where the gate is not fenced with this epoch, or has not counted up to `counted`.
    func open(
        _ row: PartitionRow, counted: Position
    ) throws(BackendError) -> Bool

    // MARK: Loads

    /// Rule 32: this load alone may stage the coupon's holders, until it ends or stands still for too long.
    func claim(
        _ coupon: CouponID, partition: PartitionID, epoch: Epoch, load: LoadNumber
    ) throws(BackendError) -> ClaimResult

    /// Writes holders beside the coupon; many calls, in any order.
    /// - Parameter load: which has claimed the coupon; nil in a rebuild, where the gate is fenced by this
    ///   epoch and Redis may pass its memory limit.
    /// - Returns: false where the claim, the epoch or the status is another.
    func stage(
        _ holders: [LoadedHolder], of coupon: CouponID, partition: PartitionID, epoch: Epoch,
        load: LoadNumber?
    ) throws(BackendError) -> Bool

    /// Rules 30 and 32: gives coupons whose holders are staged their records, each in one step; their own
    /// `holders` are staged before. The worst of their results.
    func load(
        _ coupons: [LoadedCoupon], partition: PartitionID, epoch: Epoch, load: LoadNumber?
    ) throws(BackendError) -> LoadResult

    /// Removes what a load has staged that does not go on.
    func abandon(
        _ coupon: CouponID, partition: PartitionID, epoch: Epoch, load: LoadNumber
    ) throws(BackendError)

    // MARK: Coupons in the gate

    /// Rule 33: the coupon as PostgreSQL has it now; taken only if its version is higher, and clears a cap.
    func set(_ coupon: Coupon, partition: PartitionID, epoch: Epoch) throws(BackendError)
        -> SetResult

    /// Rule 34: no more than `total` slots from now on, if no more are used. A cap at the coupon's own
    /// total is none: so a left-over one is cleared, under the same lock.
    /// - Parameter version: the coupon's version, read under its row lock. Only a later one lifts the
    ///   cap: a change committed before the lock may still be on its way to the gate.
    func cap(
        _ coupon: CouponID, version: Int64, partition: PartitionID, epoch: Epoch, total: Int64
    ) throws(BackendError) -> CapResult

    /// Applies the decision on a dead letter: its holder is issued, or its slot is given back. Repeating it
    /// changes nothing.
    /// - Parameter coupon: as committed, under its row lock.
    func settle(
        _ letter: DeadLetter, of coupon: Coupon, partition: PartitionID, epoch: Epoch
    ) throws(BackendError) -> SetResult

    /// The gate, and what it knows of a coupon and of one user.
    func inspect(
        _ coupon: CouponID, partition: PartitionID, user: UserID?
    ) throws(BackendError) -> GateInspection

    /// The same for many coupons and users of many partitions, in one round trip.
    /// - Returns: one for each question, in order.
    func inspect(
        _ questions: [StatusQuestion], _ partitioning: Partitioning
    ) throws(BackendError) -> [GateInspection]

    /// Rule 41: unlinks the coupons that ended, were closed or are sold out, are drained, and have stayed as
    /// long as they should; and what loads that stand still have staged. `limit` at most are looked at.
    /// - Returns: whether more are due.
    func unload(
        _ partition: PartitionID, epoch: Epoch, limit: Int
    ) throws(BackendError) -> Bool

    /// Unlinks what earlier epochs left behind, `limit` coupons at most. Harmless at any time.
    /// - Returns: whether more is left.
    func sweep(
        _ partition: PartitionID, before epoch: Epoch, limit: Int
    ) throws(BackendError) -> Bool

    /// Who was accepted at these positions, found among the holders of every coupon of the partition, of
    /// any epoch: a slice of the search.
    /// - Parameter search: where it stands; moved on. It is over when `search.isOver`.
    func search(
        _ search: inout HolderSearch, partition: PartitionID
    ) throws(BackendError)
}
