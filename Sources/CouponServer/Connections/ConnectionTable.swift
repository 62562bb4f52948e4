/// The connections of one event loop, by number. All loops together have at most a configured number.
internal import CouponCore
internal import CouponWire
internal import Synchronization

struct ConnectionTable {
    private let maximumOfDaemon: Int
    private let counters: LoopServers
    private var connections = SlotMap<ServerConnection>()

    /// - Parameter counters: shared by all loops.
    init(maximumOfDaemon: Int, counters: LoopServers) {
        self.maximumOfDaemon = maximumOfDaemon
        self.counters = counters
    }

    var all: [ServerConnection] { connections.values }

    /// Nil if it is gone.
    subscript(number: UInt64) -> ServerConnection? { connections[number] }

    /// - Returns: the connection's number.
    mutating func add(_ connection: ServerConnection) -> UInt64 {
        counters.connections.add(1, ordering: .relaxed)
        return connections.add(connection)
    }

    mutating func remove(_ connection: ServerConnection) {
        counters.connections.subtract(1, ordering: .relaxed)
        _ = connections.remove(connection.number)
    }

    /// Why the connection that was added last must be closed; nil if it may stay.
    func refusal() -> Failure? {
        guard counters.connections.load(ordering: .relaxed) > maximumOfDaemon else { return nil }
        counters.connectionsRefused.add(1, ordering: .relaxed)
        return Failure(
            .resourceExhausted, "too many connections",
            retryAfterMilliseconds: Limits.retryAfterMilliseconds)
    }
}
