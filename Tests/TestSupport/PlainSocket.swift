/// A blocking TCP client without a protocol, for bytes that the client library would not send. It shares no
/// code with the client library, so a fault of one cannot hide in the other.
internal import Glibc

/// A call of the socket failed, or was not answered within a minute.
public struct SocketError: Error {
    /// The error number; 0 if the peer had closed.
    public let errorNumber: Int32
}

/// A connection to a port of 127.0.0.1, or to a unix socket, closed when the last reference goes.
public final class PlainSocket: Sendable {
    private let descriptor: Int32

    /// Connects.
    /// - Parameter receiveBuffer: in bytes; small for a client whose buffer must be full soon.
    public init(port: Int, receiveBuffer: Int32? = nil) throws(SocketError) {
        descriptor = try Self.open(AF_INET)
        if var size = receiveBuffer {
            unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4)
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw SocketError(errorNumber: errno) }
    }

    /// Connects to a unix socket.
    public init(path: String) throws(SocketError) {
        descriptor = try Self.open(AF_UNIX)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) {
            unsafe $0.copyBytes(from: path.utf8.prefix($0.count - 1))
        }
        let result = unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else { throw SocketError(errorNumber: errno) }
    }

    private static func open(_ family: Int32) throws(SocketError) -> Int32 {
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw SocketError(errorNumber: errno) }
        // Only a failing test should reach it.
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        let length = socklen_t(MemoryLayout<timeval>.size)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, length)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, length)
        return descriptor
    }

    deinit { Glibc.close(descriptor) }

    /// Sends all bytes.
    public func send(_ bytes: [UInt8]) throws(SocketError) {
        var sent = 0
        while sent < bytes.count {
            sent += try sendSome(bytes[sent...], flags: 0)
        }
    }

    /// Sends as many bytes as fit now.
    /// - Returns: how many bytes; 0 if the buffers are full.
    public func sendAtOnce(_ bytes: [UInt8]) throws(SocketError) -> Int {
        do throws(SocketError) {
            return try sendSome(bytes[...], flags: Int32(MSG_DONTWAIT))
        } catch {
            guard error.errorNumber == EAGAIN else { throw error }
            return 0
        }
    }

    private func sendSome(_ bytes: ArraySlice<UInt8>, flags: Int32) throws(SocketError) -> Int {
        let count = unsafe bytes.withUnsafeBytes {
            unsafe Glibc.send(
                descriptor, $0.baseAddress, $0.count, flags | Int32(MSG_NOSIGNAL))
        }
        guard count >= 0 else { throw SocketError(errorNumber: errno) }
        return count
    }

    /// Makes the connection end with a reset when the last reference goes, as if the client had died: the
    /// peer notices at once, and not only when it writes.
    public func breakOff() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        let length = socklen_t(MemoryLayout<linger>.size)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, length)
    }

    /// Waits until there is something to read, or the peer has closed. False if neither happens in time.
    public func isReadable(within seconds: Double) -> Bool {
        var look = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&look, 1, Int32(seconds * 1_000)) == 1

    }

    /// Closes the sending side. Answers can still be read.
    public func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Reads what has arrived, and forgets it. False if the peer has closed, or the connection is broken.
    public func discard() -> Bool {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        while true {
            let result = unsafe bytes.withUnsafeMutableBytes {
                unsafe recv(descriptor, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT))
            }
            guard result > 0 else { return result < 0 && errno == EAGAIN }
        }
    }

    /// Reads so many bytes; nil if the peer closes before the first.
    public func read(_ count: Int) throws(SocketError) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let result = unsafe bytes.withUnsafeMutableBytes {
                unsafe recv(
                    descriptor, $0.baseAddress.map { unsafe $0 + filled }, count - filled, 0)
            }
            if result == 0 && filled == 0 { return nil }
            guard result > 0 else { throw SocketError(errorNumber: result == 0 ? 0 : errno) }
            filled += result
        }
        return bytes
    }
}
