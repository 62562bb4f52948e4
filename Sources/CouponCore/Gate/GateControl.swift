/// The slow side of the gates: what scheduler, loader and admins do to them in Redis.
///
/// Blocking, and confined to one thread. Each call is one atomic script; its result says whether the gate
/// had moved on. In that case nothing was changed. After an error the next call connects again.
public protocol GateControl: AnyObject {
    /// Which node holds a partition's gate, as far as this daemon knows; asks no Redis. Later calls for the
    /// partition go to this node, until this function is called again.
    func node(of partition: PartitionID) throws(BackendError) -> RedisNode.ID

    /// Reads which Redis a node is and in which term, and checks its durability settings.
    func state(of node: RedisNode.ID) throws(BackendError) -> RedisNodeState

    /// The same. If there are sentinels, it throws unless a majority of them has named the node as the master
    /// in the last seconds: the last known address may be old, and its term too low (rule 50).
    func confirmedState(of node: RedisNode.ID) throws(BackendError) -> RedisNodeState

    /// Makes the next call to a node connect, even if the last failure was just now. Does nothing by default.
    func forgetFailure(of node: RedisNode.ID)

    /// The gate, and the entries in (after, upTo], one epoch only, whole entries (rule 16). The
    /// holders of damaged entries are not searched for.
    /// - Parameters:
    ///   - upTo: nil for the end of the queue.
    ///   - maximumRequests: reading stops before the entry that would exceed it; the first entry is always
    ///     read.
    func read(
        _ partition: PartitionID, after: Position, upTo: Position?, maximumRequests: Int
    ) throws(BackendError) -> GateView

    /// Waits until one of the queues has an entry after its position, or the time is over; 0 does not wait.
    /// - Returns: the partitions whose queues have one.
    func wait(
        for queues: [(partition: PartitionID, after: Position)], milliseconds: Int
    ) throws(BackendError) -> [PartitionID]

    /// Settles (rules 21 to 23), and reads the entries after the new `settled`, as `read` does, in the same
    /// round trip.
    /// - Returns: nil if the gate has another epoch or `settled` than expected.
    func settle(
        _ settlement: Settlement, thenReading maximumRequests: Int
    ) throws(BackendError) -> GateView?

    /// Publishes how far partitions are settled (rule 24), and reads each queue after its cursor, in one
    /// round trip for each node. If a node is away, only its partitions fail.
    /// - Returns: one for each row, in order; nil for a partition whose gate is not open in its epoch.
    func heartbeat(_ rows: [PartitionRow]) -> [Result<GateView?, BackendError>]

    // MARK: Rebuild

    /// Rule 27: fences the gate with the row's epoch; the rebuild will count the queue from the row's
    /// cursor on. False if the gate has this epoch or a later one, or if Redis has another term than the row
    /// (rule 50).
    func fence(_ row: PartitionRow) throws(BackendError) -> Bool

    /// Rule 45: for a queue that has an entry whose id cannot come from a gate. Copies a part of the queue,
    /// and replaces the queue once the copy is whole. Before that the queue stays as it is.
    /// - Parameters:
    ///   - move: its progress; over if `move.isOver`.
    ///   - row: the partition as the fence had it.
    ///   - limit: about how many entries to copy.
    /// - Returns: false if the gate is not fenced with the row's epoch.
    func move(
        _ move: inout QueueMove, of row: PartitionRow, limit: Int
    ) throws(BackendError) -> Bool

    /// Fences an open gate that is known to be wrong; its owner rebuilds it.
    /// - Returns: the last epoch of the wrong gate: a gate that opens in a later one was rebuilt.
    func distrust(_ partition: PartitionID) throws(BackendError) -> Epoch

    /// Shows that the rebuild with this epoch makes progress: other owners wait for it. False if the gate is
    /// no longer fenced with that epoch.
    func beat(_ partition: PartitionID, epoch: Epoch) throws(BackendError) -> Bool

    /// The entries of the queue after `after`, of any epoch, `limit` at most. The holders of damaged entries
    /// are not searched for. Throws if the id of an entry cannot come from a gate.
    func entries(
        _ partition: PartitionID, after: Position, limit: Int
    ) throws(BackendError) -> [QueueItem]

    /// Rule 30: counts queued requests at their coupons, in a gate that is fenced with this epoch and has
    /// counted up to `from`; then it has counted up to `to`, so a repetition changes nothing. Requests
    /// of coupons without a record are skipped. False if the gate is not in that state; nothing changed.
    func count(
        _ requests: [PlacedRequest], from: Position, to: Position, partition: PartitionID,
        epoch: Epoch
    ) throws(BackendError) -> Bool

    /// Rule 31: opens the gate. False if it is not fenced with this epoch, has not counted up to `counted`,
    /// or if Redis has another term than the row (rule 50).
    func open(
        _ row: PartitionRow, counted: Position
    ) throws(BackendError) -> Bool

    // MARK: Loads

    /// Rule 32: only this load may stage the coupon's holders, until it ends or makes no progress for too
    /// long.
    func claim(
        _ coupon: CouponID, partition: PartitionID, epoch: Epoch, load: LoadNumber
    ) throws(BackendError) -> ClaimResult

    /// The same for coupons of many partitions, in one round trip for each node. If a node is away, only its
    /// coupons fail.
    /// - Returns: one for each coupon, in order.
    func claim(
        _ coupons: [CouponPlace], load: LoadNumber
    ) -> [Result<ClaimResult, BackendError>]

    /// Stages holders, in any number of calls and any order. If the coupon is filling, it gets those that the
    /// gate does not hold.
    /// - Parameters:
    ///   - load: the load that has claimed the coupon; nil in a rebuild, which has fenced the gate with this
    ///     epoch and may exceed the memory limit of Redis.
    ///   - work: is done while Redis works.
    /// - Returns: false if the claim, the epoch or the status has changed.
    func stage(
        _ holders: [LoadedHolder], of coupon: CouponID, partition: PartitionID, epoch: Epoch,
        load: LoadNumber?, during work: () -> Void
    ) throws(BackendError) -> Bool

    /// Rules 30 and 32: stages the `holders` of each coupon, which are those not staged yet, and then writes
    /// its record in one step.
    /// - Returns: the worst of their results.
    func load(
        _ coupons: [LoadedCoupon], partition: PartitionID, epoch: Epoch, load: LoadNumber?
    ) throws(BackendError) -> LoadResult

    /// The same for coupons of many partitions, in one round trip for each node. If a node is away, only its
    /// coupons fail.
    /// - Returns: one for each coupon, in order.
    func load(
        _ coupons: [(coupon: LoadedCoupon, place: CouponPlace)], load: LoadNumber
    ) -> [Result<LoadResult, BackendError>]

    /// Rule 53: all issued users of a coupon that is filling are at the gate.
    /// - Returns: false if the claim, the epoch or the status has changed, or the coupon is not filling.
    func complete(
        _ coupon: CouponID, partition: PartitionID, epoch: Epoch, load: LoadNumber
    ) throws(BackendError) -> Bool

    /// Removes what an ended load has staged.
    func abandon(
        _ coupon: CouponID, partition: PartitionID, epoch: Epoch, load: LoadNumber
    ) throws(BackendError)

    // MARK: Coupons in the gate

    /// Rule 33: updates the gate's record if the coupon's version is higher, and clears a cap.
    func set(_ coupon: Coupon, partition: PartitionID, epoch: Epoch) throws(BackendError)
        -> SetResult

    /// Rule 34: from now on the gate gives `total` slots at most, if no more are used already. A cap at or
    /// above the coupon's total has no effect, so setting it clears a stale cap.
    /// - Parameter version: the coupon's version, read under its row lock. Only a later one lifts the
    ///   cap: a change that was committed before the lock may reach the gate later.
    func cap(
        _ coupon: CouponID, version: Int64, partition: PartitionID, epoch: Epoch, total: Int64
    ) throws(BackendError) -> CapResult

    /// Rule 55: removes a coupon that is closed for good, and what its loads have staged, and publishes.
    func remove(
        _ coupon: CouponID, version: Int64, partition: PartitionID, epoch: Epoch
    ) throws(BackendError) -> RemoveResult

    /// Applies the decision on a dead letter: its holder is issued, or its slot is given back. Repeating it
    /// changes nothing.
    /// - Parameter coupon: as committed, under its row lock.
    func apply(
        _ letter: DeadLetter, of coupon: Coupon, partition: PartitionID, epoch: Epoch
    ) throws(BackendError) -> SetResult

    /// The gate, and what it knows of a coupon and one user.
    func inspect(
        _ coupon: CouponID, partition: PartitionID, user: UserID?
    ) throws(BackendError) -> GateInspection

    /// The same for many coupons and users of many partitions, in one round trip for each node. If a node is
    /// away, only the questions to it fail.
    /// - Returns: one for each question, in order.
    func inspect(
        _ questions: [StatusQuestion], _ partitioning: Partitioning
    ) -> [Result<GateInspection, BackendError>]

    /// Rule 41: unlinks finished coupons that have nothing queued, after their retention, and what stalled
    /// loads have staged. It checks `limit` coupons at most.
    /// - Returns: whether more are due.
    func unload(
        _ partition: PartitionID, epoch: Epoch, limit: Int
    ) throws(BackendError) -> Bool

    /// Unlinks keys of earlier epochs, of `limit` coupons at most. Harmless at any time.
    /// - Returns: whether more is left.
    func sweep(
        _ partition: PartitionID, before epoch: Epoch, limit: Int
    ) throws(BackendError) -> Bool

    /// Runs a slice of a search for the users accepted at some positions, among the holders of all coupons of
    /// the partition, of any epoch.
    /// - Parameter search: its progress; over if `search.isOver`.
    func search(
        _ search: inout HolderSearch, partition: PartitionID
    ) throws(BackendError)
}

extension GateControl {
    /// Does nothing.
    public func forgetFailure(of node: RedisNode.ID) {}

    /// Stages holders, and does nothing else in the meantime.
    public func stage(
        _ holders: [LoadedHolder], of coupon: CouponID, partition: PartitionID, epoch: Epoch,
        load: LoadNumber?
    ) throws(BackendError) -> Bool {
        try stage(holders, of: coupon, partition: partition, epoch: epoch, load: load) {}
    }

    /// The same as `state`, for a Redis without sentinels.
    public func confirmedState(of node: RedisNode.ID) throws(BackendError) -> RedisNodeState {
        try state(of: node)
    }
}
