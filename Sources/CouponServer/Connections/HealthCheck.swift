/// The callers of the health check that is in flight. At most one is; callers that arrive before its end get
/// its result.
internal import CouponCore

struct HealthCheck {
    private var callers: [Caller] = []

    /// How many have no answer.
    var count: Int { callers.count }

    /// True if a check must be started.
    mutating func add(_ caller: Caller) -> Bool {
        callers.append(caller)
        return callers.count == 1
    }

    /// Ends the check; returns the callers to answer.
    mutating func end() -> [Caller] {
        defer { callers = [] }
        return callers
    }
}
