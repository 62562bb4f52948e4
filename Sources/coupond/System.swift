/// The operating system's side of what the core leaves open: clocks, environment, failpoints.
internal import CouponCore
internal import FoundationEssentials
internal import Glibc

extension Clocks {
    /// The system's clocks.
    static let system = Clocks(
        now: {
            let time = read(CLOCK_MONOTONIC)
            return MonotonicTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
        },
        wallNow: {
            let time = read(CLOCK_REALTIME)
            return Timestamp(
                microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
        },
        pause: { usleep(UInt32(clamping: $0 * 1_000)) })

    private static func read(_ clock: clockid_t) -> timespec {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return time
    }
}

/// The process's environment.
func environment() -> [String: String] { ProcessInfo.processInfo.environment }

/// In debug builds `FAILPOINT=name` kills the daemon at that place; elsewhere nothing happens.
func failpoint() -> @Sendable (Failpoint) -> Void {
    #if DEBUG
        let chosen = environment()["FAILPOINT"].flatMap(Failpoint.init)
        return { if $0 == chosen { kill(getpid(), SIGKILL) } }
    #else
        return { _ in }
    #endif
}
