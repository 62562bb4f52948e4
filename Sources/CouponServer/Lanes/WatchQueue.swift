/// Callers that wait for events, in front of one lane. A call is either ready, and the lane reads the commit
/// log for it, or it waits for a commit. A completion event wakes those who follow its partition; each second
/// the lane looks at the ends of all logs, because an event may be lost.
internal import CouponCore
internal import CouponWire
internal import DequeModule
internal import NIOCore
internal import Synchronization

/// A `watch` that a caller waits for.
struct WatchCall: Sendable {
    let question: EventQuestion
    /// When it is answered even without events.
    let endsAt: MonotonicTime
    let presence: CallerPresence
    let loopServer: NIOLoopBound<LoopServer>
    /// Its number among the loop server's pending calls.
    let number: UInt64
    let caller: Caller
    /// Nil until the lane has first read for it.
    var reader: EventReader?
    /// The queue's count of each partition's commits when the lane last read for it.
    var seen: [UInt64] = []
}

final class WatchQueue: Sendable {
    private struct State {
        var ready: Deque<UInt64> = []
        /// All calls, ready or waiting, by an id of this queue.
        var calls: [UInt64: WatchCall] = [:]
        /// Calls that wait for any partition.
        var waitingForAll: Set<UInt64> = []
        /// Calls that wait for one partition.
        var waiting: [PartitionID: Set<UInt64>] = [:]
        /// What makes each call ready at its end.
        var timers: [UInt64: Task<Void, Never>] = [:]
        var lastID: UInt64 = 0
        /// How many commits of each partition are known, counted since the start.
        var commits: [UInt64]
        var isBusy = false
        var isDraining = false
        var refused = 0
    }

    /// What the lane works on.
    struct Turn {
        let id: UInt64
        var call: WatchCall
        /// The commits of each partition that are known before the lane reads.
        let commits: [UInt64]
        /// Whether nobody may wait any more.
        let isDraining: Bool
    }

    let lane: BlockingLane
    private let partitioning: Partitioning
    private let state: Mutex<State>

    init(_ lane: BlockingLane) {
        self.lane = lane
        partitioning = lane.partitioning
        state = Mutex(
            State(commits: Array(repeating: 0, count: lane.partitioning.count)))
    }

    /// Calls that have no answer.
    var waiting: Int { state.withLock { $0.calls.count } }

    /// Calls that found no room.
    var refused: Int { state.withLock { $0.refused } }

    /// Counts a call that was refused before it came here.
    func refuse() { state.withLock { $0.refused += 1 } }

    /// Adds a call. False if too many wait.
    /// - Parameter milliseconds: until its end.
    func add(_ call: WatchCall, endsAfter milliseconds: Int64) -> Bool {
        let id = state.withLock { state -> UInt64? in
            guard state.calls.count < Limits.watchesWaiting else {
                state.refused += 1
                return nil
            }
            state.lastID += 1
            state.calls[state.lastID] = call
            state.ready.append(state.lastID)
            return state.lastID
        }
        guard let id else { return false }
        work()
        // At its end it becomes ready once more, for an empty answer.
        if milliseconds > 0 {
            let timer = lane.goOn(after: milliseconds) { _ in self.makeReady([id]) }
            let isOver = state.withLock { state in
                guard state.calls[id] != nil else { return true }
                state.timers[id] = timer
                return false
            }
            if isOver { timer.cancel() }
        }
        return true
    }

    /// A partition has a new commit.
    func wake(_ partition: PartitionID) {
        let isAwaited = state.withLock { state -> Bool in
            guard state.commits.indices.contains(partition.rawValue) else { return false }
            state.commits[partition.rawValue] += 1
            guard let ids = Self.waiters(for: partition, &state) else { return false }
            state.ready.append(contentsOf: ids)
            return true
        }
        if isAwaited { work() }
    }

    /// Answers all that wait, and lets nobody wait from now on: the daemon stops.
    func drain() {
        let ids = state.withLock { state in
            state.isDraining = true
            return Array(state.calls.keys)
        }
        makeReady(ids)
    }

    /// Makes calls ready if their caller has left or their time is over.
    func wakeEnded(now: MonotonicTime) {
        makeReady(
            state.withLock { state in
                state.calls.filter { !$0.value.presence.isThere || $0.value.endsAt <= now }
                    .map(\.key)
            })
    }

    /// The next call to read for; nil if none is ready. Then the lane is idle.
    func next() -> Turn? {
        state.withLock { state in
            while let id = state.ready.popFirst() {
                guard let call = state.calls[id] else { continue }
                return Turn(
                    id: id, call: call, commits: state.commits, isDraining: state.isDraining)
            }
            state.isBusy = false
            return nil
        }
    }

    /// The call gets an answer.
    func end(_ turn: Turn) {
        let timer = state.withLock { state in
            state.calls[turn.id] = nil
            return state.timers.removeValue(forKey: turn.id)
        }
        timer?.cancel()
    }

    /// The call goes on when others have had their turn.
    func goOn(_ turn: Turn) {
        state.withLock { state in
            state.calls[turn.id] = turn.call
            state.ready.append(turn.id)
        }
    }

    /// The call waits for a commit, if there was none while the lane read for it.
    func wait(_ turn: Turn) {
        state.withLock { state in
            state.calls[turn.id] = turn.call
            guard let places = turn.call.reader?.places, !state.isDraining,
                places.keys.allSatisfy({
                    Self.count($0, state.commits) == Self.count($0, turn.commits)
                })
            else {
                state.ready.append(turn.id)
                return
            }
            if turn.call.question.coupon == nil {
                state.waitingForAll.insert(turn.id)
            } else {
                for partition in places.keys {
                    state.waiting[partition, default: []].insert(turn.id)
                }
            }
        }
    }

    /// Partitions of a call that have commits which it has not seen.
    static func unseen(_ turn: Turn) -> [PartitionID] {
        turn.call.reader?.places.keys.filter {
            count($0, turn.commits) != count($0, turn.call.seen)
        } ?? []
    }

    private static func count(_ partition: PartitionID, _ counts: [UInt64]) -> UInt64 {
        counts.indices.contains(partition.rawValue) ? counts[partition.rawValue] : 0
    }

    /// Nil if nobody waits.
    private static func waiters(
        for partition: PartitionID, _ state: inout State
    ) -> Set<UInt64>? {
        guard !state.waitingForAll.isEmpty || state.waiting[partition] != nil else { return nil }
        defer { state.waitingForAll = [] }
        return (state.waiting.removeValue(forKey: partition) ?? []).union(state.waitingForAll)
    }

    private func makeReady(_ ids: [UInt64]) {
        state.withLock { state in
            for id in ids {
                guard let call = state.calls[id] else { continue }
                var isWaiting = state.waitingForAll.remove(id) != nil
                for partition in call.reader?.places.keys.map(\.self) ?? []
                where call.question.coupon != nil {
                    isWaiting = state.waiting[partition]?.remove(id) != nil || isWaiting
                    if state.waiting[partition]?.isEmpty == true {
                        state.waiting[partition] = nil
                    }
                }
                if isWaiting { state.ready.append(id) }
            }
        }
        work()
    }

    /// Lets the lane work, unless it is working.
    private func work() {
        let begins = state.withLock { state in
            if state.isBusy || state.ready.isEmpty { return false }
            state.isBusy = true
            return true
        }
        if begins { lane.goOn { $0.answerWatches(of: self) } }
    }
}
