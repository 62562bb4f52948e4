/// The connections that an event loop is going to end, and the clients that it is going to ask to leave: a
/// few of them in each turn. To write to one and close it takes several system calls, and thousands may be
/// due at once: by a deadline, a reload, an admin, the limit of buffers or a drain. In one turn they would
/// delay the requests of all other callers until the last one is closed.
internal import CouponCore
internal import DequeModule

struct Endings {
    private var ended = Deque<ServerConnection>()
    private var leaving = Deque<ServerConnection>()

    var isEmpty: Bool { ended.isEmpty && leaving.isEmpty }

    /// In one of the next turns its last bytes are sent, and it closes.
    mutating func end(_ connection: ServerConnection) { ended.append(connection) }

    /// In one of the next turns its client is asked to leave.
    mutating func ask(_ connection: ServerConnection) { leaving.append(connection) }

    /// Those that end in this turn.
    mutating func dequeueEnded() -> [ServerConnection] {
        ended.dequeue(atMost: Self.most(of: ended.count))
    }

    /// Those whose clients are asked to leave in this turn.
    mutating func dequeueLeaving() -> [ServerConnection] {
        leaving.dequeue(atMost: Self.most(of: leaving.count))
    }

    /// If very many wait, more of them go, or callers who connect again and again would take all places.
    private static func most(of waiting: Int) -> Int { max(Limits.endingsPerTurn, waiting / 64) }
}

extension Deque {
    /// Removes the first elements.
    mutating func dequeue(atMost limit: Int) -> [Element] {
        let count = Swift.min(limit, count)
        defer { removeFirst(count) }
        return Array(prefix(count))
    }
}
