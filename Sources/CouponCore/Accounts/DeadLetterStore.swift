/// The dead letters in PostgreSQL. Blocking, and confined to one thread.
public protocol DeadLetterStore: AnyObject {
    /// Letters with a number above `after`, in order.
    /// - Parameter coupon: only this coupon's; nil for all.
    func deadLetters(
        after: Int64, of coupon: CouponID?, limit: Int
    ) throws(BackendError) -> [DeadLetter]

    /// Redrives or discards a letter, in one transaction that holds partition row and coupon row. The gate
    /// is told afterwards. Where it was decided so already, nothing is done.
    func decide(_ letter: Int64, _ state: DeadLetter.State) throws(BackendError) -> LetterDecision

    /// Decided letters of which the gate does not know yet, `limit` at most.
    func unsyncedLetters(limit: Int) throws(BackendError) -> [Int64]

    /// Has the gate told of a decided letter, under the same locks; then that is noted.
    /// - Parameter tell: whether the gate knows now.
    /// - Returns: whether it knows.
    func tell(
        _ letter: Int64, _ tell: (DeadLetter, Coupon, PartitionRow) -> Bool
    ) throws(BackendError) -> Bool
}

/// How a decision ended.
public enum LetterDecision: Equatable, Sendable {
    /// Committed, now or before.
    case decided(DeadLetter)
    /// There is no such letter.
    case missing
    /// It cannot be; the text says why. Nothing changed.
    case refused(String)
}

/// What a gate is told of dead letters. Blocking, and confined to one thread.
public protocol DeadLetterGate: AnyObject {
    /// What became of a held letter: its holder is issued, or its slot is given back. Telling it twice
    /// changes nothing.
    /// - Parameter coupon: as committed, under its row lock.
    func settle(
        _ letter: DeadLetter, of coupon: Coupon, partition: PartitionID, epoch: Epoch
    ) throws(BackendError) -> SetResult
}
