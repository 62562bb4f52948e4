internal import Foundation

/// A datagram socket in systemd's place, which receives a service's notifications.
public final class NotifySocket {
    private let descriptor: Int32

    /// - Parameter address: a path, or `@` and an abstract name.
    public init(_ address: String) throws(SocketError) {
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        var native = sockaddr_un()
        native.sun_family = sa_family_t(AF_UNIX)
        let name = Array((address.hasPrefix("@") ? "\0" + address.dropFirst() : address).utf8)
        unsafe withUnsafeMutableBytes(of: &native.sun_path) { unsafe $0.copyBytes(from: name) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
        let result = unsafe withUnsafePointer(to: &native) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(descriptor, $0, length)
            }
        }
        guard result == 0 else { throw SocketError(errorNumber: errno) }
    }

    deinit { close(descriptor) }

    /// The next datagram; empty if there is none. A datagram has arrived when its sender returns.
    /// - Parameter status: whether it may be a status line alone, which comes every few seconds.
    public func receive(status: Bool = false) -> String {
        while true {
            var buffer = [UInt8](repeating: 0, count: 4_096)
            let count = unsafe recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            let text = String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
            if status || !text.hasPrefix("STATUS=") { return text }
        }
    }
}
