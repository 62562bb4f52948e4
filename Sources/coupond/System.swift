/// What the core needs from the operating system: clocks, environment, failpoints.
internal import CouponCore
internal import FoundationEssentials
internal import Glibc
internal import NIOCore

extension Clocks {
    /// The system's clocks.
    static let system = Clocks(
        now: { MonotonicTime(nanoseconds: Int64(NIODeadline.now().uptimeNanoseconds)) },
        wallNow: {
            Timestamp(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000))
        },
        pause: { usleep(UInt32(clamping: $0 * 1_000)) })
}

/// The process's environment.
func environment() -> [String: String] { ProcessInfo.processInfo.environment }

/// The name of this process among all daemons, such as `coupond web-1/4711`: PostgreSQL shows it with each
/// session.
func processName() -> String {
    var name = utsname()
    guard unsafe uname(&name) == 0 else { return "coupond \(getpid())" }
    let host = unsafe withUnsafeBytes(of: &name.nodename) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    // PostgreSQL cuts names at 63 bytes.
    return "coupond \(host.prefix(40))/\(getpid())"
}

/// In debug builds `FAILPOINT=name` kills the daemon at that place; release builds ignore it.
func failpoint() -> @Sendable (Failpoint) -> Void {
    #if DEBUG
        let chosen = environment()["FAILPOINT"].flatMap(Failpoint.init)
        return { if $0 == chosen { kill(getpid(), SIGKILL) } }
    #else
        return { _ in }
    #endif
}
