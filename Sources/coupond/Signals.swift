/// What signals do before the service group handles them.
internal import CouponCore
internal import Glibc
internal import Logging
internal import Synchronization
internal import UnixSignals

enum Signals {
    /// Ignores the signals that mean nothing to the daemon and would end it without a drain. SIGHUP is among
    /// them until the daemon watches it.
    static func ignoreMeaningless() {
        for number in [
            SIGPIPE, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR,
            // A write to a file that is full by RLIMIT_FSIZE fails.
            SIGXFSZ,
        ] {
            _ = signal(number, SIG_IGN)
        }
        // The daemon starts no programs, but process 1 of a container inherits programs that others leave.
        // With this the kernel removes them when they end.
        if getpid() == 1 { _ = signal(SIGCHLD, SIG_IGN) }
    }

    /// The kernel does not end process 1 of a container by a signal that it does not handle. A daemon
    /// replaces these handlers; other commands end by them.
    static func endProcessOneByRequest() {
        guard getpid() == 1 else { return }
        for number in [SIGTERM, SIGINT] { _ = signal(number) { _exit(128 + $0) } }
    }
}

/// Ends the daemon at once if it is stopped while it waits for its servers: it has accepted nothing. The
/// kernel does not end process 1 of a container by a signal that it does not handle.
final class EarlyStop: Sendable {
    private let isServing = Atomic(false)

    init(_ log: LogWriter, _ logger: Logger) async {
        let stops = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        Task {
            for await _ in stops where !isServing.load(ordering: .acquiring) {
                logger.info("stopped before it served")
                log.flush(withinMilliseconds: Limits.logFlushMilliseconds)
                // Not exit(): another thread may be in libpq, whose libraries exit() would tear down.
                _exit(EXIT_SUCCESS)
            }
        }
    }

    /// From now on the service group handles these signals.
    func end() { isServing.store(true, ordering: .releasing) }
}
