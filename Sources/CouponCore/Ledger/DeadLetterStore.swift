/// Dead letters in PostgreSQL.
public protocol DeadLetterStore: AnyObject {
    /// Letters with a number above `after`, in order.
    /// - Parameter coupon: only this coupon's; nil for all.
    func deadLetters(
        after: Int64, of coupon: CouponID?, limit: Int
    ) throws(BackendError) -> [DeadLetter]

    /// Redrives or discards a letter, in one transaction that holds partition row and coupon row. The gate
    /// is updated afterwards. Repeating a decision adds a line to the trail and changes nothing else.
    func decide(
        _ letter: Int64, _ state: DeadLetter.State, by call: AdminCall
    ) throws(BackendError) -> LetterDecision

    /// Decided letters that the gate does not know: the oldest `limit` of each partition; the partitions take
    /// turns.
    /// - Parameter coupons: their letters are left out.
    func unsyncedLetters(
        limit: Int, except coupons: Set<CouponID>
    ) throws(BackendError) -> [UnsyncedLetter]

    /// Updates the gate with a decided letter, under the locks of `decide`, and records that the gate has it.
    /// - Parameter update: updates the gate; returns whether the gate has the decision now.
    /// - Returns: whether the gate has the decision.
    func resyncLetter(
        _ letter: Int64, _ update: (DeadLetter, Coupon, PartitionRow) -> Bool
    ) throws(BackendError) -> Bool
}

/// A decided letter that the gate does not know.
public struct UnsyncedLetter: Equatable, Sendable {
    /// Its number.
    public let id: Int64
    /// Of which partition.
    public let partition: PartitionID
    /// Of which coupon; nil if its entry could not be read.
    public let coupon: CouponID?

    /// A decided letter.
    public init(id: Int64, partition: PartitionID, coupon: CouponID? = nil) {
        self.id = id
        self.partition = partition
        self.coupon = coupon
    }
}
