/// From a host and a port to the addresses to listen on, and why that may fail.
internal import CouponCore
internal import NIOCore
internal import NIOPosix

enum ListenAddress {
    /// All addresses of a name: `localhost` is often `::1` and `127.0.0.1`, and callers may use either.
    static func resolve(
        _ address: ServerConfiguration.HostAndPort, setting: String
    ) async throws -> [SocketAddress] {
        try await NIOThreadPool.singleton.runIfActive {
            let (addresses, failure) = addresses(host: address.host, port: address.port)
            guard addresses.isEmpty else { return addresses }
            throw CannotListen(
                setting: setting, address: "\(address.host):\(address.port)",
                reason: failure ?? "the name has no address")
        }
    }

    private static func addresses(
        host: String, port: Int
    ) -> (addresses: [SocketAddress], failure: String?) {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(host, "\(port)", &hints, &list)
        guard code == 0 else { return ([], unsafe String(cString: gai_strerror(code))) }
        defer { unsafe freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = unsafe list
        while let entry = unsafe next {
            if let address = unsafe socketAddress(entry.pointee, host),
                !addresses.contains(address)
            {
                addresses.append(address)
            }
            unsafe next = entry.pointee.ai_next
        }
        return (addresses, nil)
    }

    private static func socketAddress(_ entry: addrinfo, _ host: String) -> SocketAddress? {
        guard let address = unsafe entry.ai_addr else { return nil }
        switch unsafe entry.ai_family {
        case AF_INET:
            return unsafe address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                unsafe SocketAddress($0.pointee, host: host)
            }
        case AF_INET6:
            return unsafe address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                unsafe SocketAddress($0.pointee, host: host)
            }
        default: return nil
        }
    }
}

/// The daemon cannot listen at an address.
public struct CannotListen: Error, CustomStringConvertible {
    /// The setting with the address: `listen`, `admin-listen` or `metrics-listen`.
    public let setting: String
    /// Host and port, or `unix:` and a path.
    public let address: String
    /// What is wrong, and what to do.
    public let reason: String

    /// In one line.
    public var description: String { "cannot listen at \(address) (\(setting)): \(reason)" }

    init(setting: String, address: String, reason: String) {
        self.setting = setting
        self.address = address
        self.reason = reason
    }

    init(setting: String, address: SocketAddress, _ error: any Error) {
        self.init(
            setting: setting, address: "\(address.ipAddress ?? "?"):\(address.port ?? 0)",
            reason: Self.reason(error))
    }

    /// - Parameter path: of a unix socket.
    init(setting: String, path: String, _ error: any Error) {
        let code = (error as? IOError)?.errnoCode
        let reason =
            switch code {
            case EACCES, EPERM: "not allowed: the daemon's user may not use this folder or socket"
            case ENOENT, ENOTDIR: "its folder does not exist: create it, or choose another path"
            case EROFS: "its folder is read-only: choose another path"
            default: "\(error)"
            }
        self.init(setting: setting, address: "unix:" + path, reason: reason)
    }

    private static func reason(_ error: any Error) -> String {
        guard let error = error as? IOError else { return "\(error)" }
        switch error.errnoCode {
        case EADDRINUSE:
            return
                "the address is in use: stop the process that listens there, or choose another port"
        case EADDRNOTAVAIL: return "this machine does not have this address"
        case EAFNOSUPPORT: return "this machine has no addresses of this kind (IPv6 may be off)"
        case EACCES, EPERM:
            return "not allowed: a port below 1024 needs the capability CAP_NET_BIND_SERVICE"
        default: return error.description
        }
    }
}
