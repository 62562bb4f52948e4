/// The messages of a service to systemd (sd_notify(3)), without libsystemd.
///
/// The protocol is one datagram of `KEY=value` lines to the socket that NOTIFY_SOCKET names. This module does
/// not import NIO, because then the socket structures cannot be used.
internal import Glibc

/// Notifies systemd of the service's state; does nothing if systemd did not start it.
public struct Notifier: Sendable {
    /// The address: a path, or a name in the abstract namespace that begins with `@`.
    private let address: String?

    /// - Parameter environment: the process's; NOTIFY_SOCKET is read.
    public init(environment: [String: String]) {
        let address = environment["NOTIFY_SOCKET"] ?? ""
        self.address = address.hasPrefix("/") || address.hasPrefix("@") ? address : nil
    }

    /// Start-up is complete: `systemctl start` returns, and units that wait for this one start.
    /// - Parameter status: one line for `systemctl status`.
    public func ready(_ status: String) throws(NotifierError) {
        try send("READY=1\nSTATUS=" + oneLine(status))
    }

    /// A new line for `systemctl status`.
    public func status(_ status: String) throws(NotifierError) {
        try send("STATUS=" + oneLine(status))
    }

    /// The service needs more time to start or to stop: systemd waits at least this long from now on.
    /// - Parameter status: one line for `systemctl status`.
    public func extendTimeout(bySeconds seconds: Int, _ status: String) throws(NotifierError) {
        try send(
            "STATUS=" + oneLine(status) + "\nEXTEND_TIMEOUT_USEC=\(seconds * 1_000_000)")
    }

    /// The service reads its settings again; `ready` ends that.
    public func reloading() throws(NotifierError) {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        // By this time systemd tells an old notification from a new one.
        let microseconds = time.tv_sec * 1_000_000 + time.tv_nsec / 1_000
        try send("RELOADING=1\nMONOTONIC_USEC=\(microseconds)")
    }

    /// The service drains, and will end.
    /// - Parameter status: one line for `systemctl status`.
    public func stopping(_ status: String) throws(NotifierError) {
        try send("STOPPING=1\nSTATUS=" + oneLine(status))
    }

    /// The service is alive. Needed at least once in each ``Watchdog/interval``.
    public func alive() throws(NotifierError) { try send("WATCHDOG=1") }

    private func send(_ message: String) throws(NotifierError) {
        guard let address else { return }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw NotifierError(errorNumber: errno) }
        defer { close(descriptor) }
        let bytes = Array(message.utf8)
        // A systemd that does not read must not hold up the daemon: then the message is lost.
        let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
        let sent = try unsafe withSocketAddress(address) { pointer, length in
            unsafe sendto(descriptor, bytes, bytes.count, flags, pointer, length)
        }
        guard sent == bytes.count else { throw NotifierError(errorNumber: errno) }
    }
}

/// A message that did not reach systemd. The service may go on.
public struct NotifierError: Error, Equatable, CustomStringConvertible {
    /// As in errno(3).
    public let errorNumber: Int32

    /// Such as "cannot notify systemd: Connection refused".
    public var description: String {
        unsafe "cannot notify systemd: \(String(cString: strerror(errorNumber)))"
    }
}

/// Line breaks become spaces. A long text is cut: systemd drops a message of more than 4,096 bytes, and with
/// the status READY=1 would be lost.
private func oneLine(_ text: String) -> String {
    var bytes = 0
    let start = text.prefix {
        bytes += $0.utf8.count
        return bytes <= 2_000
    }
    return String(start.map { $0.isNewline ? " " : $0 })
}

/// Lends the address in C's form, with its exact length: in the abstract namespace every byte counts.
private func withSocketAddress<Result>(
    _ address: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
) throws(NotifierError) -> Result {
    var native = sockaddr_un()
    native.sun_family = sa_family_t(AF_UNIX)
    var name = Array(address.utf8)
    if name.first == UInt8(ascii: "@") { name[0] = 0 }
    guard name.count < MemoryLayout.size(ofValue: native.sun_path) else {
        throw NotifierError(errorNumber: ENAMETOOLONG)
    }
    unsafe withUnsafeMutableBytes(of: &native.sun_path) { unsafe $0.copyBytes(from: name) }
    let length = MemoryLayout<sockaddr_un>.offset(of: \.sun_path).map { $0 + name.count } ?? 0
    return unsafe withUnsafePointer(to: &native) {
        unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            unsafe body($0, socklen_t(length))
        }
    }
}
