/// What systemd learns of the daemon: that it starts, serves, reloads, drains and lives. It also bounds how
/// long a stop may take.
internal import CouponCore
internal import CouponServer
internal import Logging
internal import Synchronization
internal import Systemd

final class SystemdLink: Sendable {
    /// Reports what the start waits for.
    let start: SlowStart
    private let notifier: Notifier
    private let stopBound: StopBound
    private let logger: Logger
    private let state = Mutex(State())

    private struct State {
        /// Where the daemon serves callers; nil while it starts or drains.
        var address: String?
        /// The settings that wait for a restart since the last reload that succeeded.
        var needsRestart: [String] = []
        /// Why the last reload failed; nil if it did not.
        var failure: String?

        /// A line for people, with what the last reload has left to them.
        func line(_ text: String) -> String {
            var parts = [text]
            if !needsRestart.isEmpty {
                parts.append("a restart is needed for " + needsRestart.joined(separator: ", "))
            }
            if let failure { parts.append("the last reload failed: \(failure)") }
            return parts.joined(separator: "; ").safeForTerminal
        }
    }

    /// - Parameter environment: the process's; NOTIFY_SOCKET is read.
    init(
        _ log: LogWriter, _ logger: Logger, environment: [String: String] = environment()
    ) {
        notifier = Notifier(environment: environment)
        start = SlowStart(notifier)
        stopBound = StopBound(log, logger)
        self.logger = logger
    }

    /// Reloads the settings. systemd sees it, unless the daemon starts or drains.
    func reload(
        _ reload: () throws(Failure) -> ReloadedSettings
    ) throws(Failure) -> ReloadedSettings {
        let isServing = whileServing { notifier, _ throws(NotifierError) in
            try notifier.reloading()
        }
        defer {
            if isServing {
                whileServing { notifier, state throws(NotifierError) in
                    try notifier.ready(state.line("listening on \(state.address ?? "")"))
                }
            }
        }
        do throws(Failure) {
            let settings = try reload()
            state.withLock { ($0.needsRestart, $0.failure) = (settings.report.needsRestart, nil) }
            return settings
        } catch {
            state.withLock { $0.failure = error.message }
            throw error
        }
    }

    /// Notifies systemd, unless the daemon starts or drains: a reload that ends during a drain must not take
    /// the notice of the drain back. So the lock is held while the message is sent.
    /// - Returns: whether the daemon serves.
    @discardableResult
    private func whileServing(
        _ message: (Notifier, State) throws(NotifierError) -> Void
    ) -> Bool {
        state.withLock { state in
            guard state.address != nil else { return false }
            notify { () throws(NotifierError) in try message(notifier, state) }
            return true
        }
    }
}

extension SystemdLink: DaemonEvents {
    func listening(on address: String) {
        state.withLock { $0.address = address }
        start.end()
        whileServing { notifier, state throws(NotifierError) in
            try notifier.ready(state.line("listening on \(address)"))
        }
    }

    func report(_ status: String) {
        whileServing { notifier, state throws(NotifierError) in
            try notifier.status(state.line(status))
        }
    }

    func draining(withinMilliseconds milliseconds: Int64) {
        stopBound.end(withinMilliseconds: milliseconds + Limits.stopMilliseconds)
        state.withLock { $0.address = nil }
        notify { () throws(NotifierError) in try notifier.stopping("draining") }
    }

    func drained() { stopBound.end(withinMilliseconds: Limits.stopMilliseconds) }

    func stillDraining(_ requests: Int) {
        notify { () throws(NotifierError) in
            try notifier.extendTimeout(
                bySeconds: Limits.extensionSeconds, "draining; \(requests) requests in flight")
        }
    }

    func alive() { notify { () throws(NotifierError) in try notifier.alive() } }

    /// The daemon goes on if systemd does not read.
    private func notify(_ message: () throws(NotifierError) -> Void) {
        do { try message() } catch {
            logger.warning("systemd cannot be notified", metadata: [LogKey.error: "\(error)"])
        }
    }
}
