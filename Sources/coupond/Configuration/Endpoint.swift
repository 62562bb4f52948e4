/// An address to listen on or to connect to.

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
        guard let colon = text.lastIndex(of: ":") else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("[") && host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        let digits = text[text.index(after: colon)...]
        guard !host.isEmpty, digits.allSatisfy(\.isNumber), let port = Int(digits),
            (0...65_535).contains(port)
        else { return nil }
        self = .tcp(host: String(host), port: port)
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
