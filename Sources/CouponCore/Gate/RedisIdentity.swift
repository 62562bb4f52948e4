/// Which Redis process, with which data, a connection reaches.
///
/// The run id alone does not show every rollback: a Redis that becomes a replica, and then a master again,
/// keeps it and gets another replication id (rule 11).
public struct RedisIdentity: Hashable, Sendable {
    /// `run_id` of `INFO server`.
    public let runID: String
    /// `master_replid` of `INFO replication`.
    public let replicationID: String

    /// An identity as read from `INFO`.
    public init(runID: String, replicationID: String) {
        self.runID = runID
        self.replicationID = replicationID
    }

    /// From the text kept in PostgreSQL; nil if it is not one.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
        self.init(runID: String(parts[0]), replicationID: String(parts[1]))
    }
}

extension RedisIdentity: CustomStringConvertible {
    /// `run_id:master_replid`, the text kept in PostgreSQL.
    public var description: String { "\(runID):\(replicationID)" }
}
