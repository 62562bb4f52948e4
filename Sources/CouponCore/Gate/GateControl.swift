/// The slow side of the gates: what scheduler, loader and admin do to them in Redis.
///
/// Blocking, and confined to one thread. Each call is one script, atomic; each says by its result when
/// the gate had moved on and nothing was changed. After an error the next call connects anew.
public protocol GateControl: AnyObject {
    /// Which Redis it reaches, asked anew, its durability settings checked.
    func identity() throws(GateControlError) -> RedisIdentity

    /// The gate, and the entries in (after, upTo], one epoch only, whole entries (rule 16).
    /// - Parameters:
    ///   - upTo: nil for the end of the queue.
    ///   - maximumRequests: stop before the entry that would exceed it; the first always comes.
    func read(
        _ partition: PartitionID, after: Position, upTo: Position?, maximumRequests: Int
    ) throws(GateControlError) -> GateView

    /// Waits until one of the queues has an entry after the given position, or the time is over; 0 only
    /// looks. The partitions whose queues have one.
    func wait(
        for queues: [(partition: PartitionID, after: Position)], milliseconds: Int
    ) throws(GateControlError) -> [PartitionID]

    /// Rules 21 to 23, and what has come after it, as `read` gives it, in the same round trip. Nil where
    /// the gate has another epoch or `settled` than it expects.
    func settle(
        _ settlement: Settlement, thenReading maximumRequests: Int
    ) throws(GateControlError) -> GateView?

    /// Publishes how far partitions are settled (rule 24), and reads each of them after its cursor, all in
    /// one round trip. Nil for one whose gate is not open in its epoch.
    func heartbeat(_ rows: [PartitionRow]) throws(GateControlError) -> [GateView?]

    /// Rule 27. False where the gate has this epoch or a later one.
    func fence(
        _ partition: PartitionID, epoch: Epoch, installID: String
    ) throws(GateControlError) -> Bool

    /// Rules 30 and 32: writes a coupon with its holders, in one step.
    /// - Parameter token: the load token read before PostgreSQL was; nil in a rebuild, where the gate is
    ///   fenced by this epoch.
    func load(
        _ coupon: LoadedCoupon, partition: PartitionID, epoch: Epoch, token: Int64?
    ) throws(GateControlError) -> LoadResult

    /// Rule 31. False where the gate is not fenced with this epoch.
    func open(
        _ partition: PartitionID, epoch: Epoch, settled: Position, queued: Int64
    ) throws(GateControlError) -> Bool

    /// Rule 33: the coupon as PostgreSQL has it now; taken only if its version is higher, and clears a cap.
    func set(_ coupon: Coupon, partition: PartitionID, epoch: Epoch) throws(GateControlError)
        -> SetResult

    /// Rule 34: no more than `total` slots from now on, if no more are used. A cap at the coupon's own
    /// total is none: so a left-over one is cleared, under the same lock.
    /// - Parameter version: the coupon's version, read under its row lock. Only a later one lifts the
    ///   cap: a change committed before the lock may still be on its way to the gate.
    func cap(
        _ coupon: CouponID, version: Int64, partition: PartitionID, epoch: Epoch, total: Int64
    ) throws(GateControlError) -> CapResult

    /// The gate, and what it knows of a coupon and of one user.
    func inspect(
        _ coupon: CouponID, partition: PartitionID, user: UserID?
    ) throws(GateControlError) -> GateInspection

    /// Unlinks what earlier epochs left behind. Harmless at any time.
    func sweep(_ partition: PartitionID, before epoch: Epoch) throws(GateControlError)
}

/// Why a call of the control side failed. The connection is gone after each of them.
public enum GateControlError: Error, Equatable, Sendable {
    /// Redis is away, or says that it cannot now (LOADING, READONLY, OOM…).
    case unavailable(String)
    /// Redis is not run as promise 3 demands; the text names the setting.
    case unsafeSettings(String)
    /// Redis answered something that no version of the scripts answers.
    case unexpectedReply(String)
}
