/// Lines of the trail that no transaction of a change writes: they wait here for PostgreSQL, so that no
/// caller does.
internal import CouponCore

struct TrailQueue {
    private var actions: [AdminAction] = []
    /// Denied calls of callers with a name.
    var denied = DeniedCalls()
    /// Whether the daemon ends, so that nothing may wait.
    private var isClosed = false

    /// Lines that wait, denied calls not counted.
    var count: Int { actions.count }

    /// False if too many wait, or after `close`.
    mutating func add(_ action: AdminAction) -> Bool {
        guard !isClosed, actions.count < Limits.trailLinesWaiting else { return false }
        actions.append(action)
        return true
    }

    /// What can be written now; it waits no longer.
    mutating func removeDue(at now: MonotonicTime) -> (
        actions: [AdminAction], denied: [DeniedCalls.Entry]
    ) {
        defer { actions = [] }
        return (actions, denied.removeDue(at: now))
    }

    /// Puts back what could not be written, before all that came in the meantime.
    /// - Returns: the lines for which there is no room: the newest ones, or all after `close`.
    mutating func restore(
        _ actions: [AdminAction], _ denied: [DeniedCalls.Entry], at now: MonotonicTime
    ) -> [AdminAction] {
        if isClosed { return actions + denied.map(\.action) }
        self.actions.insert(contentsOf: actions, at: 0)
        self.denied.restore(denied, at: now)
        let lost = Array(self.actions.dropFirst(Limits.trailLinesWaiting))
        self.actions.removeLast(lost.count)
        return lost
    }

    /// All that waits, also denied calls of a minute that is not over. Nothing may wait from now on.
    mutating func close() -> [AdminAction] {
        defer { (actions, isClosed) = ([], true) }
        return actions + denied.removeDue(at: nil).map(\.action)
    }
}
