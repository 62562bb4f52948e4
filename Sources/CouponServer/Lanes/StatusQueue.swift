/// Statuses that wait, in front of two lanes that answer them in batches. While PostgreSQL looks up one batch
/// Redis looks up the other. Calls that come then are the next batch of the lane that ends first.
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
        var idle: [BlockingLane]
        var refused = 0
    }

    let lanes: [BlockingLane]
    private let state: Mutex<State>

    init(_ lanes: [BlockingLane]) {
        self.lanes = lanes
        state = Mutex(State(idle: lanes))
    }

    /// Calls that wait.
    var waiting: Int { state.withLock { $0.calls.count } }

    /// Calls that found no room.
    var refused: Int { state.withLock { $0.refused } }

    /// Counts a call that was refused before it came here.
    func refuse() { state.withLock { $0.refused += 1 } }

    /// Adds a call. False if too many wait.
    func add(_ call: StatusCall) -> Bool {
        let (isAdded, lane) = state.withLock { state -> (Bool, BlockingLane?) in
            guard state.calls.count < Limits.statusesWaiting else {
                state.refused += 1
                return (false, nil)
            }
            state.calls.append(call)
            return (true, state.idle.popLast())
        }
        lane?.goOn { $0.answerStatuses(of: self) }
        return isAdded
    }

    /// The next batch of a lane, `limit` calls at most. It is empty if nothing waits; then the lane is idle.
    func next(for lane: BlockingLane, limit: Int) -> [StatusCall] {
        state.withLock { state in
            let batch = Array(state.calls.prefix(limit))
            state.calls.removeFirst(batch.count)
            if batch.isEmpty { state.idle.append(lane) }
            return batch
        }
    }
}
