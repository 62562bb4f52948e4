/// A server that holds gates and queues: a single Redis, the master that Sentinel watches, or one of the
/// masters of a cluster.

/// Where a Redis is.
public enum RedisAddress: Hashable, Sendable {
    /// TCP; the host is a name or a numeric address.
    case tcp(host: String, port: Int)
    /// The path of a unix socket; only a single Redis has one.
    case unix(path: String)
}

/// A node's name and address, and since which failover it has been the master.
public struct RedisNode: Hashable, Sendable, Identifiable {
    /// What stays the same when the address changes.
    ///
    /// In a cluster this is the id that the node gave itself. The master of Sentinel has the name under which
    /// Sentinel watches it, whichever server it is now. A single Redis is called `redis`.
    public struct ID: Hashable, Comparable, Sendable {
        /// The name.
        public let name: String

        /// An id by its name.
        public init(_ name: String) { self.name = name }

        /// The id of a single Redis.
        public static let single = ID("redis")

        /// Ascending by name.
        public static func < (left: Self, right: Self) -> Bool { left.name < right.name }
    }

    /// Its name.
    public let id: ID
    /// Where this daemon reaches it, after the address map.
    public let address: RedisAddress
    /// Rises with every failover that the cluster or Sentinel agreed on: the config epoch of the node or of
    /// Sentinel. 0 for a single Redis, which has no failover. A partition goes to another server only by a
    /// higher term.
    public let term: UInt64

    /// A node.
    public init(id: ID, address: RedisAddress, term: UInt64) {
        self.id = id
        self.address = address
        self.term = term
    }
}

extension RedisAddress: CustomStringConvertible {
    /// As a setting writes it: `host:port`, `[host]:port` for IPv6, or `unix:/path`.
    public var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}

extension RedisNode.ID: CustomStringConvertible {
    /// The name.
    public var description: String { name }
}
