/// The connections of one event loop, by number. All loops together have at most a configured number.
internal import CouponCore
internal import CouponWire
internal import Synchronization

struct ConnectionTable {
    private let counters: LoopServers
    private var connections = SlotMap<ServerConnection>()

    /// - Parameter counters: shared by all loops.
    init(counters: LoopServers) { self.counters = counters }

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

    /// Whether the daemon has more connections than it may have.
    var isOverfull: Bool { counters.connections.load(ordering: .relaxed) > maximum }

    /// Whether more than three quarters of all places are taken.
    var isCrowded: Bool {
        counters.connections.load(ordering: .relaxed) > maximum / 4 * 3
    }

    /// The most connections of the daemon.
    private var maximum: Int { counters.limits.maximumConnections }
}
