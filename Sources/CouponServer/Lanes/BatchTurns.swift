/// Which of several lanes that answer calls in batches begins a batch, and when.
///
/// A batch costs nearly the same for one call as for twenty. So a few calls wait until a lane that is busy
/// has ended its batch, unless that takes long.
internal import CouponCore

struct BatchTurns {
    private var idle: [Int]
    /// When the busy lanes began.
    private var began: [Int: MonotonicTime] = [:]

    init(lanes: Int) { idle = Array(0..<lanes) }

    /// - Parameter waiting: how many calls wait.
    /// - Returns: the idle lane that begins a batch now; nil if none should.
    mutating func wake(waiting: Int, now: MonotonicTime) -> Int? {
        guard isWorthwhile(waiting, now), let lane = idle.popLast() else { return nil }
        began[lane] = now
        return lane
    }

    /// A lane has ended its batch, or was woken.
    /// - Returns: whether it begins another one; it is idle if not.
    mutating func goOn(_ lane: Int, waiting: Int, now: MonotonicTime) -> Bool {
        began[lane] = nil
        guard isWorthwhile(waiting, now) else {
            idle.append(lane)
            return false
        }
        began[lane] = now
        return true
    }

    private func isWorthwhile(_ waiting: Int, _ now: MonotonicTime) -> Bool {
        if waiting == 0 || waiting >= Limits.statusesForSecondLane { return waiting > 0 }
        return began.values.allSatisfy {
            now.milliseconds(since: $0) >= Limits.statusBatchMilliseconds
        }
    }
}
