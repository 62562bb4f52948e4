/// How often systemd wants to hear that the service is alive (sd_watchdog_enabled(3)).
internal import Glibc

/// The watchdog that WatchdogSec= asked for.
public struct Watchdog: Equatable, Sendable {
    /// Without a sign of life for this long systemd kills the service: give one at half of it.
    public let interval: Duration

    /// Nil where the unit has no watchdog, or means another process.
    /// - Parameter environment: the process's; WATCHDOG_USEC and WATCHDOG_PID are read.
    public init?(environment: [String: String]) {
        guard let microseconds = environment["WATCHDOG_USEC"].flatMap(Int64.init), microseconds > 0
        else { return nil }
        if let pid = environment["WATCHDOG_PID"], Int32(pid) != getpid() { return nil }
        interval = .microseconds(microseconds)
    }
}
