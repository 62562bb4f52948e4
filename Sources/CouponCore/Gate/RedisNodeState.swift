/// A Redis as a connection finds it: which one, and in which term it is the master (rule 50).
public struct RedisNodeState: Hashable, Sendable {
    /// Which process, with which data.
    public let identity: RedisIdentity
    /// Rises with every failover that the cluster or Sentinel agreed on; 0 for a single Redis.
    public let term: UInt64

    /// A node's state.
    public init(identity: RedisIdentity, term: UInt64 = 0) {
        self.identity = identity
        self.term = term
    }
}
