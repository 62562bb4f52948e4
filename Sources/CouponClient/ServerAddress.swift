internal import CouponDomain

/// Where a daemon listens.
public struct ServerAddress: Hashable, Sendable {
    /// A name or an IP address, without brackets.
    public let host: String
    /// A TCP port.
    public let port: Int

    /// - Parameters:
    ///   - host: a name or an IP address, without brackets.
    ///   - port: a TCP port, 1 to 65,535.
    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// From `HOST:PORT`, or `[HOST]:PORT` for IPv6; nil if it is neither.
    public init?(_ text: String) {
        guard let address = HostPort(text), address.port > 0 else { return nil }
        self.init(host: address.host, port: address.port)
    }
}

extension ServerAddress: CustomStringConvertible {
    /// As `init(_:)` reads it.
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
