/// Where issues are committed: the scheduler's session with PostgreSQL, which also holds its locks.
///
/// Blocking, and confined to one thread. After `sessionLost` every lock is gone and the next call
/// connects again.
public protocol Ledger: HolderReader {
    /// Whether the session is alive; a lost session loses every partition (rule 9).
    var isConnected: Bool { get }

    /// Connects if need be, and shows the server that the session lives (rule 9).
    func ping() throws(BackendError)

    /// Joins the daemons that share the partitions; returns their number and the rank of this one, and which
    /// partitions are being handed over (rule 56).
    func joinMembers() throws(BackendError) -> Membership

    /// Tries to become the partition's owner. True if it is the owner now, or was already.
    func claim(_ partition: PartitionID) throws(BackendError) -> Bool

    /// Releases a partition.
    func release(_ partition: PartitionID) throws(BackendError)

    /// Takes a lock of a handover. True if this session has it now, or had it already.
    func lock(_ kind: HandoverLock, of partition: PartitionID) throws(BackendError) -> Bool

    /// Releases one; harmless if this session does not have it.
    func unlock(_ kind: HandoverLock, of partition: PartitionID) throws(BackendError)

    /// The partition's row.
    func partition(_ partition: PartitionID) throws(BackendError) -> PartitionRow

    /// Rule 26: commits the next epoch, above PostgreSQL's own and `floor`. Throws `fenced` if the row has a
    /// later term than the node (rule 50).
    /// - Returns: the row as it is then; older epochs no longer move its cursor.
    func raiseEpoch(
        of partition: PartitionID, above floor: Epoch, node: RedisNodeState
    ) throws(BackendError) -> PartitionRow

    /// Rule 19: moves the cursor and issues the batch, in one transaction.
    func issue(_ batch: Batch) throws(BackendError) -> Commit

    /// Rejections and dead letters in (from, to], for a settle that an earlier owner did not make.
    func rejections(
        in partition: PartitionID, after from: Position, upTo to: Position
    ) throws(BackendError) -> [Rejection]

    /// Coupons as committed; missing ones are left out.
    func coupons(_ ids: [CouponID]) throws(BackendError) -> [Coupon]
}

/// By these locks daemons agree that a partition changes hands (rule 56). They end with their sessions.
public enum HandoverLock: CaseIterable, Sendable {
    /// Held by a daemon that does not reach the partition's node. Several may hold it at once.
    case offer
    /// Held by the daemon that reaches the node, and takes the partition or has taken it.
    case taker
}

/// A partition's row: what PostgreSQL knows of its gate.
public struct PartitionRow: Equatable, Sendable {
    /// The partition.
    public let id: PartitionID
    /// The latest epoch.
    public let epoch: Epoch
    /// Up to here everything is decided.
    public let cursor: Position
    /// The Redis for which the epoch was raised; nil before the first.
    public let identity: RedisIdentity?
    /// The highest term of a Redis for which an epoch was raised (rule 50).
    public let redisTerm: UInt64
    /// The database's own id, to tell two installations apart.
    public let installID: String

    /// A partition's row.
    public init(
        id: PartitionID, epoch: Epoch, cursor: Position, identity: RedisIdentity?,
        redisTerm: UInt64 = 0, installID: String
    ) {
        self.id = id
        self.epoch = epoch
        self.cursor = cursor
        self.identity = identity
        self.redisTerm = redisTerm
        self.installID = installID
    }

    /// The row after a commit that moved the cursor.
    public func withCursor(_ cursor: Position) -> PartitionRow {
        PartitionRow(
            id: id, epoch: epoch, cursor: cursor, identity: identity, redisTerm: redisTerm,
            installID: installID)
    }
}

/// What one issuing transaction does. With no items it only moves the cursor (rule 18).
public struct Batch: Equatable, Sendable {
    /// The partition.
    public let partition: PartitionID
    /// The epoch that PostgreSQL must still have.
    public let epoch: Epoch
    /// Where the cursor must still stand.
    public let from: Position
    /// Where it goes: the position of the last item, or (epoch, 0).
    public let to: Position
    /// Whole queue entries, in order.
    public let items: [QueueItem]
    /// How long each of its statements may take, in milliseconds.
    public let statementMilliseconds: Int

    /// A batch.
    public init(
        partition: PartitionID, epoch: Epoch, from: Position, to: Position, items: [QueueItem],
        statementMilliseconds: Int = Limits.issuingMilliseconds
    ) {
        self.partition = partition
        self.epoch = epoch
        self.from = from
        self.to = to
        self.items = items
        self.statementMilliseconds = statementMilliseconds
    }
}

/// What a committed batch did.
public struct Commit: Equatable, Sendable {
    /// The coupons concerned, as committed, with how many of their requests are decided.
    public let coupons: [SettledCoupon]
    /// The requests that were rejected or have become dead letters.
    public let rejections: [Rejection]
    /// How many rows were inserted.
    public let issued: Int
    /// When: one moment for the whole transaction.
    public var issuedAt: Timestamp

    /// What a committed batch did.
    public init(
        coupons: [SettledCoupon], rejections: [Rejection], issued: Int,
        issuedAt: Timestamp = .zero
    ) {
        self.coupons = coupons
        self.rejections = rejections
        self.issued = issued
        self.issuedAt = issuedAt
    }
}
