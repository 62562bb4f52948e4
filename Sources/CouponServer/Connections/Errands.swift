/// Slow methods on their way through the catalog, and the moment at which each ends all the same: the
/// catalog does one after the other, and a slow PostgreSQL must not make an answer late (promise 9).
internal import CouponCore

struct Errands {
    private var callers = SlotMap<Caller>()
    private var deadlines: DeadlineWheel

    init(now: MonotonicTime) {
        deadlines = DeadlineWheel(
            longestMilliseconds: Int64(Limits.maximumDeadlineMilliseconds), now: now)
    }

    /// How many are on their way.
    var count: Int { callers.count }

    mutating func add(_ caller: Caller, deadline: MonotonicTime, now: MonotonicTime) -> UInt64 {
        // Nobody turned the wheel while nothing was on its way.
        if count == 0 { _ = expire(now: now) }
        let errand = callers.add(caller)
        deadlines.add(errand, deadline: deadline)
        return errand
    }

    /// Who is to be answered; nil where that was done at the deadline.
    mutating func end(_ errand: UInt64) -> Caller? { callers.remove(errand) }

    /// Whose deadline has passed.
    mutating func expire(now: MonotonicTime) -> [Caller] {
        var due: [UInt64] = []
        deadlines.expire(now: now) { due.append($0) }
        return due.compactMap { callers.remove($0) }
    }

    /// Everybody: the daemon goes.
    mutating func endAll() -> [Caller] { callers.keys.compactMap { callers.remove($0) } }
}
