/// How often systemd expects a sign of life from the service (sd_watchdog_enabled(3)).
internal import Glibc

/// The watchdog that WatchdogSec= asked for.
public struct Watchdog: Equatable, Sendable {
    /// systemd kills the service after this time without a sign of life: give one at half of it.
    public let interval: Duration

    /// Nil if the unit has no watchdog, or it is for another process.
    /// - Parameter environment: the process's; WATCHDOG_USEC and WATCHDOG_PID are read.
    public init?(environment: [String: String]) {
        guard let microseconds = environment["WATCHDOG_USEC"].flatMap(Int64.init), microseconds > 0
        else { return nil }
        if let pid = environment["WATCHDOG_PID"], Int32(pid) != getpid() { return nil }
        interval = .microseconds(microseconds)
    }
}
