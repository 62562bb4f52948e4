/// How many partitions there are; fixed when the database is first set up.
public struct Partitioning: Equatable, Sendable {
    /// P, from 1 to `Limits.maximumPartitions`.
    public let count: Int

    /// - Parameter count: P, positive.
    public init(count: Int) {
        precondition(count > 0, "there is at least one partition")
        self.count = count
    }

    /// The partition whose gate, queue and cursor a coupon uses.
    public func partition(of coupon: CouponID) -> PartitionID {
        PartitionID(Int(coupon.rawValue.magnitude % UInt64(count)))
    }

    /// All partitions, in order.
    public var all: [PartitionID] { (0..<count).map { PartitionID($0) } }
}
