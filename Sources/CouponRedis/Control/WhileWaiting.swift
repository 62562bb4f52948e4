/// What a thread does from time to time while Redis does not answer. The scheduler shows PostgreSQL that its
/// session is not silent (rule 9): a Redis that stands still for seconds must not cost the scheduler its
/// session.
internal import CouponCore

final class WhileWaiting {
    private let action: () throws(BackendError) -> Void
    private var dueAt = ContinuousClock.now + .milliseconds(Limits.pingMilliseconds)

    init(_ action: @escaping () throws(BackendError) -> Void) { self.action = action }

    /// How long a wait may last until the action is due, in milliseconds.
    var millisecondsLeft: Double {
        max(0, ContinuousClock.now.duration(to: dueAt) / .milliseconds(1))
    }

    /// Runs the action if it is due. Waits count together over all connections and calls: many short waits
    /// are as good as one long wait.
    func runIfDue() throws(BackendError) {
        guard ContinuousClock.now >= dueAt else { return }
        dueAt = .now + .milliseconds(Limits.pingMilliseconds)
        try action()
    }
}
