/// How far a rebuild has copied a queue that has an entry whose id cannot come from a gate (rule 45).
public struct QueueMove: Sendable, Equatable {
    /// The last id copied. Ids are text here: they may be above every number of a gate.
    public var copied = "0-0"
    /// The next slice begins after this id. Entries between the two ids are left out.
    public var after: String
    /// Whether the queue can be read: it was replaced, or there was nothing to replace.
    public var isOver = false

    /// - Parameter cursor: the partition's; entries up to it are committed, and are left out.
    public init(from cursor: Position) { after = cursor.description }
}
