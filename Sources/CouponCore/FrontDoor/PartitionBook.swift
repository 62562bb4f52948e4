/// What a daemon knows of each partition: epoch and Redis as PostgreSQL says, and the highest position that
/// it has seen in the queue (the floor of rule 11).
///
/// Epochs come from PostgreSQL alone. A gate that shows a higher one makes the daemon read again.
public struct PartitionBook {
    private struct Page {
        var epoch: Epoch = 0
        var identity: RedisIdentity?
        var floor: Int64 = 0
        /// The latest epoch whose gate has shown itself open.
        var opened: Epoch = 0
    }

    private var pages: [Page]

    /// Nothing is known yet.
    public init(partitioning: Partitioning) {
        pages = Array(repeating: Page(), count: partitioning.count)
    }

    /// A partition's row as PostgreSQL has it; rows come in the order in which they were read.
    ///
    /// The latest row counts, even if its epoch is the same as before or lower: PostgreSQL may have gone
    /// back (rule 15), and then hands out a number for the second time.
    /// - Returns: whether PostgreSQL has gone back, as far as rows show it.
    public mutating func apply(_ row: PartitionRow) -> Bool {
        guard row.id.rawValue < pages.count else { return false }
        let index = row.id.rawValue
        let known = pages[index]
        if row.epoch != known.epoch || row.identity != known.identity {
            pages[index] = Page(
                epoch: row.epoch, identity: row.identity,
                opened: row.epoch > known.epoch ? known.opened : 0)
        }
        see(row.cursor, in: row.id)
        return row.epoch < known.epoch
            || row.epoch == known.epoch && known.identity != nil && row.identity != known.identity
    }

    /// An answer or an event came from an open gate of this epoch. PostgreSQL's row does not show that: the
    /// epoch is raised before its gate opens (rule 26).
    public mutating func seeOpen(_ epoch: Epoch, in partition: PartitionID) {
        pages[partition.rawValue].opened = max(pages[partition.rawValue].opened, epoch)
    }

    /// A queue entry is or was at this position.
    public mutating func see(_ position: Position, in partition: PartitionID) {
        guard pages[partition.rawValue].epoch == position.epoch else { return }
        pages[partition.rawValue].floor = max(pages[partition.rawValue].floor, position.n)
    }

    /// The epoch to call the gate with.
    public func epoch(of partition: PartitionID) -> Epoch { pages[partition.rawValue].epoch }

    /// The floor to call the gate with.
    public func floor(of partition: PartitionID) -> Int64 { pages[partition.rawValue].floor }

    /// Whether a connection to this Redis may serve the partition (rule 15).
    public func isServed(_ partition: PartitionID, by identity: RedisIdentity) -> Bool {
        pages[partition.rawValue].identity == identity
    }
    /// Whether the partition's gate is known to be open.
    public func isOpen(_ partition: PartitionID, by identity: RedisIdentity) -> Bool {
        isServed(partition, by: identity)
            && pages[partition.rawValue].opened == pages[partition.rawValue].epoch
    }
}
