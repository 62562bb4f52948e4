/// Slow methods that wait for a lane, with their deadlines. A lane does one job after the other, and a slow
/// PostgreSQL must not make an answer late (promise 9).
internal import CouponCore

struct PendingCalls {
    struct PendingCall {
        let caller: Caller
        /// Its name.
        let method: String
        let began: MonotonicTime
        let deadline: MonotonicTime
    }

    private var pendingCalls = SlotMap<PendingCall>()
    private var deadlines: DeadlineWheel

    init(now: MonotonicTime) {
        deadlines = DeadlineWheel(
            spanMilliseconds: Int64(Limits.defaultDeadlineMilliseconds), now: now)
    }

    /// How many have no answer.
    var count: Int { pendingCalls.count }

    mutating func add(
        _ method: String, of caller: Caller, now: MonotonicTime, deadline: MonotonicTime
    ) -> UInt64 {
        let number = pendingCalls.add(
            PendingCall(caller: caller, method: method, began: now, deadline: deadline))
        deadlines.add(number, deadline: deadline)
        return number
    }

    /// Returns the call to answer; nil if it was answered at the deadline.
    mutating func end(_ number: UInt64) -> PendingCall? { pendingCalls.remove(number) }

    /// Ends the calls whose deadline has passed.
    mutating func expire(now: MonotonicTime) -> [PendingCall] {
        var due: [PendingCall] = []
        for number in deadlines.advance(now: now) {
            guard let pendingCall = pendingCalls[number] else { continue }
            if pendingCall.deadline > now {
                deadlines.add(number, deadline: pendingCall.deadline)
            } else if let call = end(number) {
                due.append(call)
            }
        }
        return due
    }

    /// Ends all calls, as the daemon stops.
    mutating func endAll() -> [Caller] { pendingCalls.keys.compactMap { end($0)?.caller } }
}
