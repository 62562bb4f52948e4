/// Statuses that wait, in front of two lanes that answer them in batches. While PostgreSQL looks up one batch
/// Redis looks up the other. Calls that come during that are the next batch of the lane that ends first.
internal import CouponCore
internal import CouponWire
internal import NIOCore
internal import Synchronization

/// A `coupon_status` that a caller waits for.
struct StatusCall: Sendable {
    let question: StatusQuestion
    let deadline: MonotonicTime
    let presence: CallerPresence
    let loopServer: NIOLoopBound<LoopServer>
    /// Among the loop server's pending calls.
    let number: UInt64
    let caller: Caller
}

final class StatusQueue: Sendable {
    private struct State {
        var calls: [StatusCall] = []
        var turns: BatchTurns
        var refused = 0
    }

    let lanes: [BlockingLane]
    private let state: Mutex<State>

    init(_ lanes: [BlockingLane]) {
        self.lanes = lanes
        state = Mutex(State(turns: BatchTurns(lanes: lanes.count)))
    }

    /// Calls that wait.
    var waiting: Int { state.withLock { $0.calls.count } }

    /// Calls that found no room.
    var refused: Int { state.withLock { $0.refused } }

    /// Counts a call that was refused before it came here.
    func refuse() { state.withLock { $0.refused += 1 } }

    /// Adds a call; false if too many wait. The turn that reads it calls `wake` at its end.
    func add(_ call: StatusCall) -> Bool {
        state.withLock { state in
            guard state.calls.count < Limits.statusesWaiting else {
                state.refused += 1
                return false
            }
            state.calls.append(call)
            return true
        }
    }

    /// Lets an idle lane answer the calls that wait, if that is better than to wait for the other lane.
    /// - Returns: whether `lookAgain` must be called after `Limits.statusBatchMilliseconds`.
    func wake(now: MonotonicTime) -> Bool {
        begin(state.withLock { $0.turns.wake(waiting: $0.calls.count, now: now) })
    }

    /// The same for calls that have waited for a lane, which may hang.
    func lookAgain(now: MonotonicTime) -> Bool {
        begin(state.withLock { $0.turns.lookAgain(waiting: $0.calls.count, now: now) })
    }

    private func begin(_ step: BatchTurns.Step) -> Bool {
        if case .begin(let lane) = step {
            lanes[lane].goOn { $0.answerStatuses(of: self, as: lane) }
        }
        return step == .wait
    }

    /// The next batch of a lane, `limit` calls at most. It is empty if too few wait; then the lane is idle.
    /// - Returns: also whether `lookAgain` must be called, as for `wake`.
    func next(
        for lane: Int, limit: Int, now: MonotonicTime
    ) -> (calls: [StatusCall], isToLookAgain: Bool) {
        state.withLock { state in
            let step = state.turns.goOn(lane, waiting: state.calls.count, now: now)
            guard step == .begin(lane) else { return ([], step == .wait) }
            let batch = Array(state.calls.prefix(limit))
            state.calls.removeFirst(batch.count)
            return (batch, false)
        }
    }
}
