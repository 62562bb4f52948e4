internal import NIOCore

/// One address of the configuration, with its endpoints. A name has an endpoint for each of its addresses.
/// The addresses are looked up again when an endpoint has no connection: its daemon may have another address
/// now.
final class Origin {
    /// How long the addresses of a name are used before they are looked up again.
    private static let freshness = TimeAmount.seconds(1)

    let address: ServerAddress
    private(set) var endpoints: [Endpoint]
    private let isName: Bool
    private var isLookingUp = false
    private var lookedUp: NIODeadline?

    init(_ address: ServerAddress) {
        self.address = address
        let fixed = try? SocketAddress(ipAddress: address.host, port: address.port)
        isName = address.socketPath == nil && fixed == nil
        endpoints = isName ? [] : [Endpoint(address, target: fixed)]
    }

    /// Whether its name must be looked up before a connection is made. If true, the caller must do it now.
    func beginLookup(now: NIODeadline) -> Bool {
        guard isName, !isLookingUp else { return false }
        if let lookedUp, now - lookedUp < Self.freshness { return false }
        isLookingUp = true
        return true
    }

    /// Endpoints that are still among the addresses stay. The others stay as long as they have a connection,
    /// or one that is being made.
    func lookedUp(_ targets: [SocketAddress], now: NIODeadline) {
        isLookingUp = false
        lookedUp = now
        let kept = endpoints.filter { endpoint in
            !endpoint.isUnused || targets.contains { $0 == endpoint.target }
        }
        let new = targets.filter { target in !kept.contains { $0.target == target } }
        endpoints = kept + new.map { Endpoint(address, target: $0) }
    }

    /// The lookup found no address. The addresses that were known may still work.
    func lookupFailed(now: NIODeadline) {
        isLookingUp = false
        if !endpoints.isEmpty { lookedUp = now }
    }
}
