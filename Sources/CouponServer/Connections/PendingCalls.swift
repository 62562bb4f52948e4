/// Slow methods on their way through a lane, and the moment at which each ends all the same: a lane does one
/// after the other, and a slow PostgreSQL must not make an answer late (promise 9).
internal import CouponCore

struct PendingCalls {
    private struct PendingCall {
        let caller: Caller
        let deadline: MonotonicTime
    }

    private var pendingCalls = SlotMap<PendingCall>()
    private var deadlines: DeadlineWheel

    init(now: MonotonicTime) {
        deadlines = DeadlineWheel(
            spanMilliseconds: Int64(Limits.defaultDeadlineMilliseconds), now: now)
    }

    /// How many are on their way.
    var count: Int { pendingCalls.count }

    mutating func add(_ caller: Caller, deadline: MonotonicTime) -> UInt64 {
        let number = pendingCalls.add(PendingCall(caller: caller, deadline: deadline))
        deadlines.add(number, deadline: deadline)
        return number
    }

    /// Who is to be answered; nil where that was done at the deadline.
    mutating func end(_ number: UInt64) -> Caller? { pendingCalls.remove(number)?.caller }

    /// Whose deadline has passed.
    mutating func expire(now: MonotonicTime) -> [Caller] {
        var due: [Caller] = []
        for number in deadlines.advance(now: now) {
            guard let pendingCall = pendingCalls[number] else { continue }
            if pendingCall.deadline > now {
                deadlines.add(number, deadline: pendingCall.deadline)
            } else if let caller = end(number) {
                due.append(caller)
            }
        }
        return due
    }

    /// Everybody: the daemon goes.
    mutating func endAll() -> [Caller] { pendingCalls.keys.compactMap { end($0) } }
}
