/// What admins see of connections, and how they end them.
internal import CouponAccess
internal import CouponCore
internal import NIOCore

extension LoopServers {
    /// The connections with the lowest ids above `after`. Blocks until each event loop has looked; it looks
    /// at each of its connections once, so a million of them cost it some ten milliseconds.
    func listConnections(
        _ filter: ConnectionFilter, after: Int64, limit: Int
    ) -> [CallerConnection] {
        let found = fromEach { loopServer -> [CallerConnection] in
            var lowest = LowestIDs<UInt64>(limit)
            for connection in loopServer.connections.all
            where connection.id > after && connection.matches(filter) {
                lowest.add(connection.id, connection.number)
            }
            return lowest.values.compactMap { loopServer.connections[$0]?.description }
        }
        return Array(found.joined().sorted { $0.id < $1.id }.prefix(limit))
    }

    /// Ends connections. Blocks until each event loop has done so.
    /// - Parameter caller: whose connection stays.
    /// - Returns: how many.
    func endConnections(_ filter: ConnectionFilter, except caller: CallerPresence) -> Int {
        fromEach { loopServer in
            let chosen = loopServer.connections.all.filter {
                $0.matches(filter) && $0.presence !== caller && !$0.state.isEnding
            }
            for connection in chosen {
                connection.endAtOnce(with: .unavailable("an admin has ended this connection"))
            }
            return chosen.count
        }.reduce(0, +)
    }

    /// One value from each event loop; empty if the daemon is ending.
    private func fromEach<Value: Sendable>(
        _ body: @escaping @Sendable (LoopServer) -> Value
    ) -> [Value] {
        guard let loop = anyLoop else { return [] }
        return (try? collect(on: loop, body).wait()) ?? []
    }
}

/// The values with the lowest ids of many, without sorting all of them.
struct LowestIDs<Value> {
    private let limit: Int
    /// In order of their ids.
    private var lowest: [(id: Int64, value: Value)] = []

    init(_ limit: Int) { self.limit = limit }

    var values: [Value] { lowest.map(\.value) }

    mutating func add(_ id: Int64, _ value: Value) {
        if lowest.count == limit {
            guard let last = lowest.last, id < last.id else { return }
            lowest.removeLast()
        }
        var (from, to) = (0, lowest.count)
        while from < to {
            let middle = (from + to) / 2
            if lowest[middle].id < id { from = middle + 1 } else { to = middle }
        }
        lowest.insert((id, value), at: from)
    }
}

extension ServerConnection {
    fileprivate func matches(_ filter: ConnectionFilter) -> Bool {
        filter.matches(id: id, principal: principal.name, address: address)
    }

    fileprivate var description: CallerConnection {
        CallerConnection(
            id: id, principal: principal.name, address: address,
            ageMilliseconds: loopServer.clocks.now().milliseconds(since: opened),
            inFlight: state.unanswered, heldBytes: heldBytes)
    }
}
