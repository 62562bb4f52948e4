/// Sockets of 127.0.0.1 and their poller. They do not use NIO, because the generator must cost less than what
/// it measures.
internal import CEpoll
internal import Glibc

/// A call of the kernel failed, or a measurement did not end.
struct BenchmarkError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }

    /// With the last error number.
    static func call(_ name: String) -> BenchmarkError {
        BenchmarkError(unsafe "\(name): \(String(cString: strerror(errno)))")
    }
}

/// Nanoseconds of the monotonic clock.
func nanoseconds() -> Int {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
}

private func loopback(port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
}

private func with<Result>(
    _ address: inout sockaddr_in, _ body: (UnsafeMutablePointer<sockaddr>, socklen_t) -> Result
) -> Result {
    unsafe withUnsafeMutablePointer(to: &address) {
        unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            unsafe body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
}

/// Connects. By default the descriptor does not block afterwards.
func connectLoopback(port: Int, isBlocking: Bool = false) throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw BenchmarkError.call("socket") }
    var address = loopback(port: port)
    guard unsafe with(&address, { unsafe connect(descriptor, $0, $1) }) == 0 else {
        close(descriptor)
        throw BenchmarkError.call("connect")
    }
    setNoDelay(descriptor)
    var limit = timeval(tv_sec: 30, tv_usec: 0)
    unsafe setsockopt(
        descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    if !isBlocking { _ = fcntl(descriptor, F_SETFL, O_NONBLOCK) }
    return descriptor
}

func setNoDelay(_ descriptor: Int32) {
    var yes: Int32 = 1
    unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, 4)
}

/// Listens on a free port.
func listenOnLoopback() throws -> (descriptor: Int32, port: Int) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw BenchmarkError.call("socket") }
    var address = loopback(port: 0)
    let port: Int? = unsafe with(&address) { address, length in
        var length = length
        guard unsafe bind(descriptor, address, length) == 0, listen(descriptor, 4_096) == 0,
            unsafe getsockname(descriptor, address, &length) == 0
        else { return nil }
        return unsafe address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
            unsafe Int(UInt16(bigEndian: $0.pointee.sin_port))
        }
    }
    guard let port else { throw BenchmarkError.call("listen") }
    return (descriptor, port)
}

/// Level-triggered epoll over readable descriptors.
@safe struct Poller: ~Copyable {
    private let descriptor: Int32
    private var events = unsafe [epoll_event](repeating: epoll_event(), count: 512)

    init() throws {
        descriptor = epoll_create1(0)
        guard descriptor >= 0 else { throw BenchmarkError.call("epoll_create1") }
    }

    deinit { close(descriptor) }

    /// Watches a descriptor. `wait` returns `token` with its events.
    func watch(_ watched: Int32, token: Int) throws {
        var event = unsafe epoll_event()
        unsafe event.events = EPOLLIN.rawValue
        unsafe event.data.u64 = UInt64(token)
        guard unsafe epoll_ctl(descriptor, EPOLL_CTL_ADD, watched, &event) == 0 else {
            throw BenchmarkError.call("epoll_ctl")
        }
    }

    /// Waits for at most so many nanoseconds, and calls `body` for each token.
    mutating func wait(nanoseconds: Int, _ body: (Int) throws -> Void) throws {
        var limit = timespec(
            tv_sec: nanoseconds / 1_000_000_000, tv_nsec: nanoseconds % 1_000_000_000)
        let count = unsafe epoll_pwait2(descriptor, &events, Int32(events.count), &limit, nil)
        guard count > 0 else { return }
        for index in 0..<Int(count) { unsafe try body(Int(events[index].data.u64)) }
    }
}
