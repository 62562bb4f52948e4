/// A request that was accepted and could not be issued (promise 8). It keeps its slot until an admin
/// redrives or discards it (rule 46).
public struct DeadLetter: Equatable, Sendable {
    /// What became of it. Raw values are stored and sent.
    public enum State: UInt8, Sendable, CaseIterable {
        /// Nobody has decided.
        case held = 1
        /// Issued after all, with its old sequence.
        case redriven = 2
        /// Not issued; its slot is free.
        case discarded = 3
    }

    /// Its number; later ones are higher.
    public let id: Int64
    /// The request; nil for an entry whose users are unknown.
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
