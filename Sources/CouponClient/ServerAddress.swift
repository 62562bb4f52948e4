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

    /// From `HOST:PORT`, or `[HOST]:PORT` for IPv6; nil where it is neither.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"),
            let port = UInt16(text[text.index(after: colon)...]), port > 0
        else { return nil }
        var host = text[..<colon]
        if host.first == "[", host.last == "]" {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty else { return nil }
        self.init(host: String(host), port: Int(port))
    }
}

extension ServerAddress: CustomStringConvertible {
    /// As `init(_:)` takes it.
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
