/// The models behind the ports, for tests without faults inside a call: each call is done at once.
public import CouponCore

/// One Redis and one PostgreSQL, for any number of daemons.
public final class ModelWorld {
    /// The Redis; its history is the identity's.
    public var redis: ModelRedis
    /// Which Redis the gates reach.
    public var identity: RedisIdentity {
        didSet { redis.replicationID = identity.replicationID }
    }
    /// In which term it is the master.
    public var term: UInt64 = 0 {
        didSet { redis.term = term }
    }
    /// Its identity and its term.
    public var node: RedisNodeState { RedisNodeState(identity: identity, term: term) }
    /// The tables.
    public var tables: ModelTables
    /// Time: the servers' clocks are the wall clock.
    public let clocks: Clocks
    /// How the coupons are spread.
    public let partitioning: Partitioning
    /// The ledgers with a session, in the order in which they came.
    var members: [ObjectIdentifier] = []
    /// Who holds the lock of each partition.
    public var owners: [PartitionID: ObjectIdentifier] = [:]
    /// Who offers each partition, and who takes it (rule 56).
    public var offers: [PartitionID: Set<ObjectIdentifier>] = [:]
    /// The takers.
    public var takers: [PartitionID: ObjectIdentifier] = [:]

    /// An empty Redis, and tables without coupons.
    public init(partitions: Int, clocks: Clocks) {
        partitioning = Partitioning(count: partitions)
        identity = RedisIdentity(runID: "run", replicationID: "history")
        redis = ModelRedis(partitioning: partitioning)
        redis.replicationID = identity.replicationID
        tables = ModelTables(partitioning: partitioning, installID: "install")
        self.clocks = clocks
    }

    /// Redis loses all that it had.
    public func empty() {
        redis = ModelRedis(partitioning: partitioning)
        redis.replicationID = identity.replicationID
        redis.term = term
    }
}
