internal import CouponDomain

/// Where a daemon listens: a TCP address or a unix socket.
public struct ServerAddress: Hashable, Sendable {
    /// A name or an IP address, without brackets; empty for a unix socket.
    public let host: String
    /// A TCP port; 0 for a unix socket.
    public let port: Int
    /// The path of a unix socket; nil for a TCP address.
    public let socketPath: String?

    /// - Parameters:
    ///   - host: a name or an IP address, without brackets.
    ///   - port: a TCP port, 1 to 65,535.
    public init(host: String, port: Int) {
        self.host = host
        self.port = port
        socketPath = nil
    }

    /// - Parameter path: of a unix socket, absolute, at most 107 bytes.
    public static func unix(path: String) -> ServerAddress { ServerAddress(socketPath: path) }

    private init(socketPath: String) {
        host = ""
        port = 0
        self.socketPath = socketPath
    }

    /// From `HOST:PORT`, `[HOST]:PORT` for IPv6, or `unix:/PATH`; nil if it is none of these.
    public init?(_ text: String) {
        if text.hasPrefix("unix:") {
            guard let socket = SocketPath(text) else { return nil }
            self = .unix(path: socket.path)
            return
        }
        guard let address = HostPort(text), address.port > 0 else { return nil }
        self.init(host: address.host, port: address.port)
    }
}

extension ServerAddress: CustomStringConvertible {
    /// As `init(_:)` reads it.
    public var description: String {
        if let socketPath { return "unix:" + socketPath }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
