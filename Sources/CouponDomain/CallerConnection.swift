/// A caller's connection, as the daemon knows it.
public struct CallerConnection: Hashable, Sendable {
    /// A later connection of the daemon has a higher id.
    public let id: Int64
    /// The caller's name; `anonymous` if it has none.
    public let principal: String
    /// The caller's IP address, or `unix:` and the path of the socket.
    public let address: String
    /// How long it has been open.
    public let ageMilliseconds: Int64
    /// Requests without an answer.
    public let inFlight: Int
    /// What it holds in the daemon's memory.
    public let heldBytes: Int

    /// A connection.
    public init(
        id: Int64, principal: String, address: String, ageMilliseconds: Int64, inFlight: Int,
        heldBytes: Int
    ) {
        self.id = id
        self.principal = principal
        self.address = address
        self.ageMilliseconds = ageMilliseconds
        self.inFlight = inFlight
        self.heldBytes = heldBytes
    }
}

/// A filter for connections: one matches if it has all properties that are set here.
public struct ConnectionFilter: Hashable, Sendable {
    /// Nil if any.
    public var id: Int64?
    /// The caller's name; nil if any.
    public var principal: String?
    /// The caller's address; nil if any.
    public var address: String?

    /// By default all connections.
    public init(id: Int64? = nil, principal: String? = nil, address: String? = nil) {
        self.id = id
        self.principal = principal
        self.address = address
    }

    /// Whether a connection matches.
    public func matches(id: Int64, principal: String, address: String) -> Bool {
        (self.id ?? id) == id && (self.principal ?? principal) == principal
            && (self.address ?? address) == address
    }
}
