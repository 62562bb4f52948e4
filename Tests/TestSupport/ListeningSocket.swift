/// A socket of an activator, such as systemd: it listens, and passes itself on to servers.
internal import Glibc

/// A listening socket, closed when the last reference goes.
public final class ListeningSocket: Sendable {
    /// Its number in this process.
    public let descriptor: Int32

    /// Listens at a port.
    /// - Parameter host: an IPv4 address.
    public init(host: String = "127.0.0.1", port: Int) throws(SocketError) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        _ = unsafe inet_pton(AF_INET, host, &address.sin_addr)
        try Self.listen(descriptor, at: address)
    }

    /// Listens at a path.
    public init(path: String) throws(SocketError) {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) {
            unsafe $0.copyBytes(from: path.utf8)
        }
        try Self.listen(descriptor, at: address)
    }

    /// A socket that receives datagrams, and so cannot listen.
    public init(datagrams: Void) {
        descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    }

    deinit { Glibc.close(descriptor) }

    private static func listen<Address>(
        _ descriptor: Int32, at address: Address
    ) throws(SocketError) {
        var address = address
        let result = unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(descriptor, $0, socklen_t(MemoryLayout<Address>.size))
            }
        }
        guard result == 0, Glibc.listen(descriptor, 4_096) == 0 else {
            throw SocketError(errorNumber: errno)
        }
    }

    /// Variables for a server that gets these sockets as 3 and following.
    /// - Parameter names: as in FileDescriptorName=; nil to leave out LISTEN_FDNAMES.
    public static func environment(count: Int, names: [String]?) -> [String: String] {
        var environment = ["LISTEN_FDS": "\(count)"]
        environment["LISTEN_FDNAMES"] = names?.joined(separator: ":")
        return environment
    }

    /// A command that becomes the server, and names it in LISTEN_PID.
    public static let starter = ["/bin/sh", "-c", "export LISTEN_PID=$$; exec \"$@\"", "sh"]
}
