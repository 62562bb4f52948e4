/// The connections of one event loop, by number. All loops together have at most a configured number, and a
/// few at the listener of admin methods.
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
        if connection.isAdmin {
            counters.adminConnections.add(1, ordering: .relaxed)
        } else {
            counters.connections.add(1, ordering: .relaxed)
        }
        return connections.add(connection)
    }

    mutating func remove(_ connection: ServerConnection) {
        if connection.isAdmin {
            counters.adminConnections.subtract(1, ordering: .relaxed)
        } else {
            counters.connections.subtract(1, ordering: .relaxed)
        }
        _ = connections.remove(connection.number)
    }

    /// Whether there are more connections than there may be.
    /// - Parameter isAdmin: at the listener of admin methods, which has places of its own: an admin gets in
    ///   while callers have taken all of theirs.
    func isOverfull(isAdmin: Bool) -> Bool { count(isAdmin: isAdmin) > maximum(isAdmin: isAdmin) }

    /// Whether more than three quarters of the places are taken.
    func isCrowded(isAdmin: Bool) -> Bool {
        count(isAdmin: isAdmin) > maximum(isAdmin: isAdmin) / 4 * 3
    }

    private func count(isAdmin: Bool) -> Int {
        isAdmin
            ? counters.adminConnections.load(ordering: .relaxed)
            : counters.connections.load(ordering: .relaxed)
    }

    private func maximum(isAdmin: Bool) -> Int {
        isAdmin ? Limits.adminConnections : counters.limits.maximumConnections
    }
}
