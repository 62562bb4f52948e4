/// An address to listen on or to connect to.
internal import CouponCore

/// A TCP address or a unix socket.
enum Endpoint: Equatable, Sendable {
    /// A name or an IP address, without brackets, and a port.
    case tcp(host: String, port: Int)
    /// An absolute path.
    case unix(path: String)
}

extension Endpoint {
    /// From `host:port`, `[IPv6]:port` or `unix:/path`.
    init?(_ text: String) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            // The path of a unix socket may have 107 bytes.
            guard path.hasPrefix("/"), path.utf8.count <= 107 else { return nil }
            self = .unix(path: path)
            return
        }
        guard let address = HostPort(text) else { return nil }
        self = .tcp(host: address.host, port: address.port)
    }
}

extension Endpoint {
    private static let everywhere: Set<String> = ["0.0.0.0", "::"]
    private static let loopback: Set<String> = ["localhost", "127.0.0.1", "::1"]

    /// Whether only one of two listeners could have its address.
    func overlaps(_ other: Endpoint) -> Bool {
        guard case .tcp(let host, let port) = self, case .tcp(let otherHost, let otherPort) = other,
            port == otherPort, port != 0
        else { return false }
        return host == otherHost || !Self.everywhere.isDisjoint(with: [host, otherHost])
            || host == "localhost" && Self.loopback.contains(otherHost)
            || otherHost == "localhost" && Self.loopback.contains(host)
    }
}

extension Form<Endpoint> {
    /// Port 0 lets the kernel choose.
    static let listener = Form(description: "host:port") { text in
        guard let endpoint = Endpoint(text), case .tcp = endpoint else { return nil }
        return endpoint
    }

    static let server = Form(description: "host:port or unix:/path") { text in
        guard let endpoint = Endpoint(text) else { return nil }
        if case .tcp(_, port: 0) = endpoint { return nil }
        return endpoint
    }
}

extension Form<Endpoint?> {
    /// Nil is `off`.
    static let listenerOrOff = Form(description: "host:port, or off") { text in
        if text == "off" { return .some(nil) }
        guard let endpoint = Form<Endpoint>.listener.parse(text) else { return .none }
        return endpoint
    }
}
