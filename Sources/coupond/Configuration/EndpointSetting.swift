/// An address to listen on or to connect to.
internal import CouponCore

/// A TCP address or a unix socket.
enum EndpointSetting: Equatable, Sendable {
    /// A name or an IP address, without brackets, and a port.
    case tcp(host: String, port: Int)
    /// An absolute path.
    case unix(path: String)
}

extension EndpointSetting {
    /// From `host:port`, `[IPv6]:port` or `unix:/path`.
    init?(_ text: String) {
        if text.hasPrefix("unix:") {
            guard let socket = SocketPath(text) else { return nil }
            self = .unix(path: socket.path)
            return
        }
        guard let address = HostPort(text) else { return nil }
        self = .tcp(host: address.host, port: address.port)
    }
}

extension EndpointSetting: CustomStringConvertible {
    /// As `init(_:)` reads it.
    var description: String {
        switch self {
        case .tcp(let host, let port):
            host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:" + path
        }
    }
}

extension EndpointSetting {
    private static let everywhere: Set<String> = ["0.0.0.0", "::"]
    private static let loopback: Set<String> = ["localhost", "127.0.0.1", "::1"]

    /// Whether only one of two listeners could have its address.
    func overlaps(_ other: EndpointSetting) -> Bool {
        if case .unix = self { return self == other }
        guard case .tcp(let host, let port) = self, case .tcp(let otherHost, let otherPort) = other,
            port == otherPort, port != 0
        else { return false }
        return host == otherHost || !Self.everywhere.isDisjoint(with: [host, otherHost])
            || host == "localhost" && Self.loopback.contains(otherHost)
            || otherHost == "localhost" && Self.loopback.contains(host)
    }

    /// Whether only callers on this machine can connect: a unix socket, `localhost`, `127.0.0.0/8` or `::1`.
    /// What another name means may change, so it does not count.
    var isLocal: Bool {
        guard case .tcp(let host, _) = self else { return true }
        return host == "localhost" || host == "::1"
            || host.wholeMatch(of: /127(?:\.[0-9]{1,3}){3}/) != nil
    }
}

extension Form<[EndpointSetting]> {
    /// Port 0 lets the kernel choose.
    static let listeners = Form(
        description:
            "host:port or unix:/path; several are separated by commas, or given one by one",
        mistake: { text in
            text.split(separator: ",").compactMap { SocketPath.mistake(in: $0.withoutOuterSpaces) }
                .first
        }
    ) { text in
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let endpoints = parts.compactMap { EndpointSetting($0.withoutOuterSpaces) }
        guard endpoints.count == parts.count, endpoints.count <= Limits.listenAddresses else {
            return nil
        }
        return endpoints
    }
}

extension Form<EndpointSetting?> {
    /// Nil is `off`.
    static let listenerOrOff = Form(description: "host:port, or off") { text in
        if text == "off" { return .some(nil) }
        guard let endpoint = EndpointSetting(text), case .tcp = endpoint else { return .none }
        return endpoint
    }

    /// Nil if it is empty.
    static let listenerOrNothing = Form(
        description: "host:port or unix:/path, or nothing",
        mistake: { SocketPath.mistake(in: $0) }
    ) { text in
        if text.isEmpty { return .some(nil) }
        guard let endpoint = EndpointSetting(text) else { return .none }
        return endpoint
    }
}

extension Substring {
    /// Without spaces at both ends.
    var withoutOuterSpaces: String {
        var text = drop(while: \.isWhitespace)
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
