/// Keeps systemd from ending a long start: a start may last as long as the daemon says what it waits for.
internal import CouponCore
internal import Synchronization
internal import Systemd

final class SlowStart: Sendable {
    private let notifier: Notifier
    private let reason = Mutex("Redis and PostgreSQL")
    private let reports = Mutex<Task<Void, Never>?>(nil)

    init(_ notifier: Notifier) {
        self.notifier = notifier
        let task = Task { [self] in
            while (try? await Task.sleep(for: .seconds(Limits.extensionPeriodSeconds))) != nil {
                report()
            }
        }
        reports.withLock { $0 = task }
    }

    /// The start waits for something else now.
    func waits(for reason: String) { self.reason.withLock { $0 = reason } }

    /// The daemon listens.
    func end() { reports.withLock { $0 }?.cancel() }

    /// A lost message is replaced by the next one.
    private func report() {
        let reason = reason.withLock { $0 }.safeForTerminal
        try? notifier.extendTimeout(
            bySeconds: Limits.extensionSeconds, "starting; waiting for \(reason)")
    }
}
