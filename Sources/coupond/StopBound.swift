/// Bounds how long a stop takes. Threads may wait for PostgreSQL, Redis or a name server for longer than a
/// drain may take: libpq waits ten seconds for an answer, the resolver for as long as it is configured to. To
/// break off what they do is as safe as a crash.
internal import CouponCore
internal import Glibc
internal import Logging
internal import SerialThreads

final class StopBound: Sendable {
    private let log: LogWriter
    private let logger: Logger
    private let thread = SerialThread(name: "coupond.stop")

    init(_ log: LogWriter, _ logger: Logger) {
        self.log = log
        self.logger = logger
    }

    /// The process ends after so many milliseconds at the latest. Of several bounds the earliest counts.
    func end(withinMilliseconds milliseconds: Int64) {
        thread.perform(after: Int(milliseconds)) { [log, logger] in
            logger.warning("the stop took too long: the daemon ends while a thread still waits")
            log.flush(withinMilliseconds: Limits.logFlushMilliseconds)
            _exit(EXIT_SUCCESS)
        }
    }
}
