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
    /// Where the daemon serves callers; nil while it starts or drains.
    private let address = Mutex<String?>(nil)

    init(_ log: LogWriter, _ logger: Logger) {
        notifier = Notifier(environment: environment())
        start = SlowStart(notifier)
        stopBound = StopBound(log, logger)
        self.logger = logger
    }

    /// Reloads the settings. systemd sees it, unless the daemon starts or drains.
    func reload(
        _ reload: () throws(Failure) -> ReloadedSettings
    ) throws(Failure) -> ReloadedSettings {
        guard let address = self.address.withLock({ $0 }) else { return try reload() }
        notify { () throws(NotifierError) in try notifier.reloading() }
        var status = "listening on \(address)"
        defer { notify { () throws(NotifierError) in try notifier.ready(status) } }
        do throws(Failure) {
            let settings = try reload()
            if !settings.report.needsRestart.isEmpty { status += "; \(settings.report)" }
            return settings
        } catch {
            status = "\(status); the last reload failed: \(error.message)".safeForTerminal
            throw error
        }
    }
}

extension SystemdLink: DaemonEvents {
    func listening(on address: String) {
        self.address.withLock { $0 = address }
        start.end()
        notify { () throws(NotifierError) in try notifier.ready("listening on \(address)") }
    }

    func report(_ status: String) {
        notify { () throws(NotifierError) in try notifier.status(status) }
    }

    func draining(withinMilliseconds milliseconds: Int64) {
        stopBound.end(withinMilliseconds: milliseconds + Limits.stopMilliseconds)
        address.withLock { $0 = nil }
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
