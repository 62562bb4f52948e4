/// Sockets that are open before the service starts (socket activation, sd_listen_fds(3)): systemd listens,
/// and the service accepts. They stay open while the service restarts, so callers wait and none is refused.
internal import Glibc

/// A listening stream socket that the activator passed to this process.
public struct InheritedSocket: Equatable, Sendable {
    /// Where it listens.
    public enum Address: Equatable, Sendable {
        /// An IP address, without brackets, and a port.
        case tcp(host: String, port: Int)
        /// An absolute path.
        case unix(path: String)
    }

    /// The first descriptor that an activator passes.
    private static let first: Int32 = 3

    /// Its number in this process.
    public let descriptor: Int32
    /// FileDescriptorName= of its unit; empty if it has none.
    public let name: String
    /// Where it listens.
    public let address: Address

    /// All that were passed, in the order of the unit. From now on no child process inherits them.
    /// - Parameter environment: the process's; LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES are read.
    /// - Throws: ``InheritedSocketError`` if one cannot be used.
    public static func all(
        environment: [String: String]
    ) throws(InheritedSocketError) -> [InheritedSocket] {
        guard let count = environment["LISTEN_FDS"],
            environment["LISTEN_PID"].flatMap(Int32.init) == getpid()
        else { return [] }
        // A number of descriptors that no process may have is a mistake of the activator.
        guard let count = Int32(count), (0...1_024).contains(count) else {
            throw InheritedSocketError(text: "LISTEN_FDS is not a number of sockets")
        }
        var names = [String](repeating: "", count: Int(count))
        if let text = environment["LISTEN_FDNAMES"] {
            names = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        }
        guard names.count == count else {
            throw InheritedSocketError(
                text: "LISTEN_FDNAMES has \(names.count) names for \(count) sockets")
        }
        var sockets: [InheritedSocket] = []
        for (index, name) in names.enumerated() {
            sockets.append(try InheritedSocket(first + Int32(index), name: name))
        }
        return sockets
    }

    private init(_ descriptor: Int32, name: String) throws(InheritedSocketError) {
        let known = name.isEmpty ? "socket \(descriptor)" : "socket \(descriptor) (\(name))"
        guard fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else {
            throw InheritedSocketError(text: "\(known) is not open")
        }
        guard Self.option(SO_ACCEPTCONN, of: descriptor) == 1,
            Self.option(SO_TYPE, of: descriptor) == Int32(SOCK_STREAM.rawValue)
        else {
            throw InheritedSocketError(
                text: "\(known) is not a listening stream socket: use ListenStream= and Accept=no")
        }
        guard let address = Self.address(of: descriptor) else {
            throw InheritedSocketError(
                text: "\(known) has an address that is neither TCP nor the path of a unix socket")
        }
        self.descriptor = descriptor
        self.name = name
        self.address = address
    }

    private static func option(_ option: Int32, of descriptor: Int32) -> Int32? {
        var value: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        return unsafe getsockopt(descriptor, SOL_SOCKET, option, &value, &size) == 0 ? value : nil
    }

    private static func address(of descriptor: Int32) -> Address? {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = unsafe withUnsafeMutablePointer(to: &storage) { storage in
            unsafe storage.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(descriptor, $0, &size)
            }
        }
        guard result == 0 else { return nil }
        let family = Int32(storage.ss_family)
        return unsafe withUnsafeBytes(of: &storage) { bytes in
            unsafe address(bytes, size: Int(size), family: family)
        }
    }

    private static func address(
        _ bytes: UnsafeRawBufferPointer, size: Int, family: Int32
    ) -> Address? {
        switch family {
        // Port and address are at the same places in every Linux.
        case AF_INET, AF_INET6:
            let port = unsafe bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self)
            let start = family == AF_INET ? 4 : 8
            guard let pointer = bytes.baseAddress else { return nil }
            var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
            guard unsafe inet_ntop(family, pointer + start, &text, socklen_t(text.count)) != nil
            else { return nil }
            let host = text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:))
            return .tcp(
                host: String(decoding: host, as: UTF8.self), port: Int(UInt16(bigEndian: port)))
        case AF_UNIX:
            let path = unsafe bytes[MemoryLayout<sa_family_t>.size..<min(size, bytes.count)]
                .prefix { $0 != 0 }
            // A name in the abstract namespace begins with a zero byte.
            guard unsafe path.first == UInt8(ascii: "/") else { return nil }
            return .unix(path: unsafe String(decoding: path, as: UTF8.self))
        default: return nil
        }
    }
}

/// What the activator passed cannot be used.
public struct InheritedSocketError: Error, Equatable, CustomStringConvertible {
    let text: String

    /// Such as "socket 3 (listen) is not open".
    public var description: String { text }
}
