/// How a scheduler works, with the effects that a simulator replaces.
public import CouponCore

/// Settings of a scheduler.
public struct SchedulerOptions: Sendable {
    /// How the coupons are spread.
    public var partitioning: Partitioning
    /// Requests in one issuing transaction, at most; a queue entry is never split.
    public var requestsPerTransaction: Int
    /// The size of a slice of long work.
    public var slices = Slices()
    /// Time between two looks at an idle partition, and two heartbeats, in milliseconds (rule 24).
    public var checkMilliseconds: Int64
    /// Time between two reads of the rows of idle partitions, in milliseconds.
    public var rereadMilliseconds: Int64
    /// The longest sleep while waiting for work; between two sleeps the session is pinged (rule 9).
    public var pollMilliseconds: Int64
    /// Which of the daemon's issuing lanes this is; the first is 0.
    package var lane = 0
    /// Whether each partition with a backlog is lent at once, and goes back as soon as it has none. For the
    /// simulator, because its plays are short.
    package var lendsEagerly = false
    /// What the daemon's lanes have in common.
    package var lending = Lending(lanes: 1)
    /// For the back-off's jitter.
    public var seed: UInt64
    /// Time.
    public var clocks: Clocks
    /// Is called with the owned partitions whenever they change.
    public var reportOwned: @Sendable (Set<PartitionID>) -> Void = { _ in }
    /// Is called with the reason why an owned partition waits whenever that changes; nil if none waits.
    public var reportTrouble: @Sendable (String?) -> Void = { _ in }
    /// Is called with the queue of an owned partition at each look at it.
    public var reportQueue: @Sendable (PartitionID, QueueState) -> Void = { _, _ in }
    /// Is called with the share of each rebuild that is done whenever one changes.
    public var reportRebuilds: @Sendable ([PartitionID: Double]) -> Void = { _ in }
    /// Called at each named place; tests kill the daemon there.
    public var failpoint: @Sendable (Failpoint) -> Void

    /// Settings with their defaults.
    public init(
        partitioning: Partitioning,
        requestsPerTransaction: Int = Limits.requestsPerTransaction,
        checkMilliseconds: Int64 = 250, rereadMilliseconds: Int64 = 5_000,
        pollMilliseconds: Int64 = 250,
        seed: UInt64 = .random(in: 0...(.max)), clocks: Clocks,
        failpoint: @escaping @Sendable (Failpoint) -> Void = { _ in }
    ) {
        self.partitioning = partitioning
        self.requestsPerTransaction = requestsPerTransaction
        self.checkMilliseconds = checkMilliseconds
        self.rereadMilliseconds = rereadMilliseconds
        self.pollMilliseconds = pollMilliseconds
        self.seed = seed
        self.clocks = clocks
        self.failpoint = failpoint
    }
}
