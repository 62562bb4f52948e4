/// Which of several lanes that answer calls in batches begins a batch, and when.
///
/// A batch costs nearly the same for one call as for twenty. So a few calls wait until a lane that is busy
/// has ended its batch, unless that takes long.
internal import CouponCore

struct BatchTurns {
    /// What happens to the calls that wait.
    enum Step: Equatable {
        /// This lane takes them.
        case begin(Int)
        /// They wait for a busy lane. If its batch has not ended after `Limits.statusBatchMilliseconds`, an
        /// idle lane takes the calls: then `lookAgain` is called.
        case wait
        /// None waits, or somebody looks again anyway.
        case nothing
    }

    private var idle: [Int]
    /// When the busy lanes began.
    private var began: [Int: MonotonicTime] = [:]
    /// Whether `lookAgain` will be called.
    private var isWatched = false

    init(lanes: Int) { idle = Array(0..<lanes) }

    /// Calls have come.
    /// - Parameter waiting: how many calls wait.
    mutating func wake(waiting: Int, now: MonotonicTime) -> Step {
        guard isWorthwhile(waiting, now), let lane = idle.popLast() else { return rest(waiting) }
        began[lane] = now
        return .begin(lane)
    }

    /// The calls have waited: the busy lane may hang.
    mutating func lookAgain(waiting: Int, now: MonotonicTime) -> Step {
        isWatched = false
        return wake(waiting: waiting, now: now)
    }

    /// A lane has ended its batch, or was woken. It is idle unless it begins another one.
    mutating func goOn(_ lane: Int, waiting: Int, now: MonotonicTime) -> Step {
        began[lane] = nil
        guard isWorthwhile(waiting, now) else {
            idle.append(lane)
            return rest(waiting)
        }
        began[lane] = now
        return .begin(lane)
    }

    private mutating func rest(_ waiting: Int) -> Step {
        guard waiting > 0, !idle.isEmpty, !isWatched else { return .nothing }
        isWatched = true
        return .wait
    }

    private func isWorthwhile(_ waiting: Int, _ now: MonotonicTime) -> Bool {
        if waiting == 0 || waiting >= Limits.statusesForSecondLane { return waiting > 0 }
        return began.values.allSatisfy {
            now.milliseconds(since: $0) >= Limits.statusBatchMilliseconds
        }
    }
}
