/// The queue of a partition, as its owner saw it last.
public struct QueueState: Equatable, Sendable {
    /// How many entries are not issued.
    public let entries: Int64
    /// When the oldest of them was accepted, by the gate's clock; nil if there is none, or if it cannot be
    /// read.
    public let oldest: Timestamp?

    /// A queue.
    public init(entries: Int64, oldest: Timestamp?) {
        self.entries = entries
        self.oldest = oldest
    }
}

/// What the scheduler of a daemon does at the moment.
public struct SchedulerState: Equatable, Sendable {
    /// The queues of the partitions that the daemon owns.
    public var queues: [PartitionID: QueueState] = [:]
    /// The share of each rebuild that is done, from 0 to 1.
    public var rebuilds: [PartitionID: Double] = [:]

    /// Nothing is known.
    public init() {}
}
