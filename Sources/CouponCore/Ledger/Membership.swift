/// A daemon's place among those that share the partitions.
///
/// All of them count in the same order. So each knows its share without asking the others, and the shares
/// add up to all partitions.
public struct Membership: Equatable, Sendable {
    /// How many come before this one, in an order on which all agree; from 0.
    public let rank: Int
    /// How many there are, this one included.
    public let count: Int
    /// The partitions that other daemons offer, because they do not reach their nodes (rule 56).
    public let offered: Set<PartitionID>
    /// Those that another daemon takes, or has taken.
    public let taken: Set<PartitionID>

    /// - Precondition: `0 <= rank < count`.
    public init(
        rank: Int, count: Int, offered: Set<PartitionID> = [], taken: Set<PartitionID> = []
    ) {
        precondition((0..<count).contains(rank), "a member is one of all")
        self.rank = rank
        self.count = count
        self.offered = offered
        self.taken = taken
    }

    /// How many of the partitions are this daemon's: no two daemons' shares differ by more than one.
    public func share(of partitions: Int) -> Int {
        partitions / count + (rank < partitions % count ? 1 : 0)
    }
}
