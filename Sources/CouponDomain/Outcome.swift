/// Why an accepted request ended without an issue. Raw values are stored and sent; never reuse one.
public enum RejectionReason: UInt8, Sendable, CaseIterable {
    /// The quantity was gone in PostgreSQL: somebody changed its tables without the gate.
    case soldOut = 1
    /// The user had the coupon already, through another request.
    case alreadyIssued = 2
    /// The coupon is not in PostgreSQL any more.
    case notFound = 3
    /// The request could not be issued and waits in the dead letters.
    case deadLetter = 4
    /// It was a dead letter, and an admin discarded it: another request may try.
    case discarded = 5
}

/// What a holder's accepted request has become.
public enum HolderState: UInt8, Sendable {
    /// Accepted, waiting in the queue.
    case queued = 1
    /// Issued: the row is committed.
    case issued = 2
    /// Ended without an issue.
    case rejected = 3
}

/// The answer to an issue request: a value, never an error (docs/PROTOCOL.md).
public enum Outcome: Equatable, Sendable {
    /// Accepted by the gate and queued.
    case accepted(sequence: Int64)
    /// Issued: the row is committed.
    case issued(sequence: Int64, at: Timestamp)
    /// Another request of this user was accepted before.
    case duplicate(sequence: Int64, state: HolderState)
    /// The quantity is gone.
    case soldOut
    /// The window opens later.
    case notOpen(opens: Timestamp)
    /// The window has closed.
    case ended
    /// The coupon is paused.
    case paused
    /// The coupon is closed.
    case closed
    /// There is no such coupon.
    case notFound
    /// Accepted, and ended without an issue.
    case rejected(sequence: Int64, reason: RejectionReason)
}
