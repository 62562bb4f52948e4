/// A request that was accepted and could not be issued (promise 8). It keeps its slot until an admin
/// redrives or discards it (rule 46).
public struct DeadLetter: Equatable, Sendable {
    /// What became of it. Raw values are stored and sent.
    public enum State: UInt8, Sendable, CaseIterable {
        /// Nobody has decided.
        case held = 1
        /// Issued after all, with its old sequence.
        case redriven = 2
        /// Given up, its slot given back.
        case discarded = 3
    }

    /// Its number, in the order of their coming.
    public let id: Int64
    /// The request; nil for an entry whose users nobody knows.
    public let accepted: AcceptedRequest?
    /// Where it was queued.
    public let position: Position
    /// Why it could not be issued.
    public let error: String
    /// What became of it.
    public let state: State
    /// When it became a dead letter.
    public let createdAt: Timestamp

    /// A dead letter as PostgreSQL has it.
    public init(
        id: Int64, accepted: AcceptedRequest?, position: Position, error: String, state: State,
        createdAt: Timestamp
    ) {
        self.id = id
        self.accepted = accepted
        self.position = position
        self.error = error
        self.state = state
        self.createdAt = createdAt
    }
}

/// The dead letters in PostgreSQL. Blocking, and confined to one thread.
public protocol DeadLetterStore: AnyObject {
    /// Letters with a number above `after`, in order.
    /// - Parameter coupon: only this coupon's; nil for all.
    func deadLetters(
        after: Int64, of coupon: CouponID?, limit: Int
    ) throws(LedgerError) -> [DeadLetter]

    /// Redrives or discards a letter, in one transaction that holds partition row and coupon row. The gate
    /// is told afterwards. Where it was decided so already, nothing is done.
    func decide(_ letter: Int64, _ state: DeadLetter.State) throws(LedgerError) -> LetterDecision

    /// Decided letters of which the gate does not know yet, `limit` at most.
    func unsyncedLetters(limit: Int) throws(LedgerError) -> [Int64]

    /// Has the gate told of a decided letter, under the same locks; then that is noted.
    /// - Parameter tell: whether the gate knows now.
    /// - Returns: whether it knows.
    func tell(
        _ letter: Int64, _ tell: (DeadLetter, Coupon, PartitionRow) -> Bool
    ) throws(LedgerError) -> Bool
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
    ) throws(GateControlError) -> SetResult
}
