/// Ports for servers that cannot choose a free one themselves.
internal import Glibc
internal import Synchronization

/// The kernel gave no port.
public struct NoFreePort: Error {
    /// The error number of the call that failed.
    public let errorNumber: Int32
}

private let handedOut = Mutex<Set<UInt16>>([])

/// A free TCP port of 127.0.0.1, never the same twice in one process.
///
/// Another process may take it before the caller does. If a server can listen on port 0, prefer that.
/// - Throws: ``NoFreePort``.
public func freePort() throws(NoFreePort) -> UInt16 {
    while true {
        let port = try unusedPort()
        if handedOut.withLock({ $0.insert(port).inserted }) { return port }
    }
}

private func unusedPort() throws(NoFreePort) -> UInt16 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw NoFreePort(errorNumber: errno) }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = unsafe withUnsafeMutablePointer(to: &address) {
        unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            unsafe bind(descriptor, $0, length) == 0 ? getsockname(descriptor, $0, &length) : -1
        }
    }
    guard result == 0 else { throw NoFreePort(errorNumber: errno) }
    return UInt16(bigEndian: address.sin_port)
}
