/// Which partitions the first issuing lane of a daemon has lent to its other lanes.
///
/// A lane is a scheduler with a thread, a session and a connection to Redis of its own. This object moves
/// work between them and protects nothing: each lane issues only what its own session has locked (rules 9
/// and 49), and two owners at once are harmless (rule 10).
internal import CouponCore
internal import Synchronization

/// Shared by the issuing lanes of one daemon.
package final class Lending: Sendable {
    /// What a lane hands over with a partition.
    struct Luggage: Sendable {
        let owned: Owned
        let rebuild: Rebuild?
    }

    private struct Loan {
        let lane: Int
        var luggage: Luggage?
        /// The first lane wants it back.
        var isRecalled = false
        var retry = Retry.none
        /// Since when its node was not reached, until its lane has said so itself.
        var unreachedSince: MonotonicTime?
    }

    /// Whether the lane tries a partition once more before another daemon gets it (rule 56).
    private enum Retry {
        case none
        case wanted
        case begun
        case done
    }

    private struct Lane {
        /// When it last used its session.
        var seen: MonotonicTime?
        /// Since when it has no session.
        var lostAt: MonotonicTime?
        var rebuilding: Set<PartitionID> = []
        /// Since when the nodes of its partitions were not reached.
        var unreached: [PartitionID: MonotonicTime] = [:]
        /// When one of its partitions was last seen to have issued everything that had come.
        var keptUp: MonotonicTime?

        func isAlive(_ now: MonotonicTime) -> Bool {
            guard let seen, now.milliseconds(since: seen) < Limits.laneTimeoutMilliseconds else {
                return false
            }
            return lostAt.map { now.milliseconds(since: $0) < Limits.beatTimeoutMilliseconds }
                ?? true
        }
    }

    private struct State {
        var loans: [PartitionID: Loan] = [:]
        var lanes: [Lane]
        /// The partitions whose nodes the last lane looks at (rule 56), and those that it has reached.
        var asked: Set<PartitionID> = []
        var reached: Set<PartitionID> = []
    }

    private let state: Mutex<State>

    /// - Parameter lanes: how many lanes the daemon has; the first one is number 0.
    package init(lanes: Int) {
        state = Mutex(State(lanes: Array(repeating: Lane(), count: lanes)))
    }

    // MARK: Of all lanes

    /// Reports the state of a lane that has a session.
    func report(
        _ lane: Int, rebuilding: Set<PartitionID>, unreached: [PartitionID: MonotonicTime],
        keepsUp: Bool, now: MonotonicTime
    ) {
        state.withLock { state in
            state.lanes[lane].seen = now
            state.lanes[lane].lostAt = nil
            state.lanes[lane].rebuilding = rebuilding
            state.lanes[lane].unreached = unreached
            for (partition, loan) in state.loans where loan.lane == lane && loan.luggage == nil {
                state.loans[partition]?.unreachedSince = nil
            }
            if keepsUp { state.lanes[lane].keptUp = now }
        }
    }

    /// Reports that a lane has no session. That says nothing of the nodes of its partitions.
    func reportLoss(_ lane: Int, now: MonotonicTime) {
        state.withLock { state in
            state.lanes[lane].lostAt = state.lanes[lane].lostAt ?? now
        }
    }

    /// Whether a partition in another lane has lately issued everything that had come.
    func othersKeepUp(beside lane: Int, _ now: MonotonicTime) -> Bool {
        state.withLock { state in
            state.lanes.indices.contains { other in
                guard other != lane, let at = state.lanes[other].keptUp else { return false }
                return now.milliseconds(since: at) < 1_000
            }
        }
    }

    // MARK: Of the first lane

    /// The partitions that are with other lanes, or on their way to or from them. The partitions of a lane
    /// that hangs, or gets no session, no longer count as lent.
    func lent(_ now: MonotonicTime) -> Set<PartitionID> {
        state.withLock { state in
            let lanes = state.lanes
            state.loans = state.loans.filter { lanes[$1.lane].isAlive(now) }
            return Set(state.loans.keys)
        }
    }

    /// The other lane with the fewest partitions, of those that were seen lately.
    func freestLane(_ now: MonotonicTime) -> (lane: Int, partitions: Int)? {
        state.withLock { state in
            state.lanes.indices.dropFirst().compactMap { lane in
                guard let seen = state.lanes[lane].seen, state.lanes[lane].lostAt == nil,
                    now.milliseconds(since: seen) < 1_000
                else { return nil }
                return (lane, state.loans.values.count { $0.lane == lane })
            }.min { $0.partitions < $1.partitions }
        }
    }

    /// Lends a partition that the first lane has just released.
    func lend(_ partition: PartitionID, to lane: Int, _ luggage: Luggage) {
        let loan = Loan(
            lane: lane, luggage: luggage, unreachedSince: luggage.owned.unreachedSince)
        state.withLock { $0.loans[partition] = loan }
    }

    /// Asks the other lanes for some of these partitions back. Those in a rebuild stay (rule 43).
    func recall(_ count: Int, of partitions: Set<PartitionID>) {
        state.withLock { state in
            let loans = state.loans.filter { partitions.contains($0.key) }
            let recalled = loans.values.count { $0.isRecalled }
            let others = loans.filter { partition, loan in
                !loan.isRecalled && !state.lanes[loan.lane].rebuilding.contains(partition)
            }
            for partition in others.keys.sorted().prefix(max(0, count - recalled)) {
                state.loans[partition]?.isRecalled = true
            }
        }
    }

    /// Asks for a partition back that another daemon takes.
    func recall(_ partition: PartitionID) {
        state.withLock { state in
            guard state.loans[partition] != nil else { return }
            state.loans[partition]?.isRecalled = true
        }
    }

    /// Asks the partition's lane to try it once more.
    func retry(_ partition: PartitionID) {
        state.withLock { $0.loans[partition]?.retry = .wanted }
    }

    /// Whether it has.
    func wasRetried(_ partition: PartitionID) -> Bool {
        state.withLock { $0.loans[partition]?.retry == .done }
    }

    /// Since when the nodes of lent partitions were not reached.
    var unreached: [PartitionID: MonotonicTime] {
        state.withLock { state in
            state.loans.reduce(into: [:]) { all, loan in
                all[loan.key] =
                    loan.value.unreachedSince
                    ?? state.lanes[loan.value.lane].unreached[loan.key]
            }
        }
    }

    /// Asks the last lane to look whether the nodes of these partitions can be reached.
    func ask(_ partitions: Set<PartitionID>) {
        state.withLock { state in
            state.asked = partitions
            state.reached.formIntersection(partitions)
        }
    }

    /// Those that it has reached; none if it hangs or has no session, because its last look may be old.
    func reached(_ now: MonotonicTime) -> Set<PartitionID> {
        state.withLock { $0.lanes.last?.isAlive(now) == true ? $0.reached : [] }
    }

    // MARK: Of the last lane

    /// Looking at a node that hangs takes a second: the last lane has the fewest others to hold up.
    /// - Returns: what this lane is asked to look at.
    func asked(of lane: Int) -> Set<PartitionID> {
        state.withLock { lane == $0.lanes.count - 1 ? $0.asked : [] }
    }

    /// Reports the partitions that a look has reached.
    func report(reached: Set<PartitionID>) {
        state.withLock { $0.reached = reached.intersection($0.asked) }
    }

    // MARK: Of the other lanes

    /// What a lane has or should claim, and what it has to give back.
    func partitions(
        of lane: Int
    ) -> (wanted: Set<PartitionID>, recalled: Set<PartitionID>) {
        state.withLock { state in
            let own = state.loans.filter { $1.lane == lane }
            let wanted = Set(own.filter { !$1.isRecalled }.keys)
            return (wanted, Set(own.keys).subtracting(wanted))
        }
    }

    /// The partitions that a lane tries once more, until its next review.
    func retries(of lane: Int) -> [PartitionID] {
        state.withLock { state in
            var wanted: [PartitionID] = []
            for (partition, loan) in state.loans where loan.lane == lane {
                switch loan.retry {
                case .wanted:
                    wanted.append(partition)
                    state.loans[partition]?.retry = .begun
                case .begun: state.loans[partition]?.retry = .done
                case .none, .done: break
                }
            }
            return wanted.sorted()
        }
    }

    /// What was handed over with a partition; the second call for it returns nil.
    func unpack(_ partition: PartitionID, in lane: Int) -> Luggage? {
        state.withLock { state in
            guard state.loans[partition]?.lane == lane else { return nil }
            defer { state.loans[partition]?.luggage = nil }
            return state.loans[partition]?.luggage
        }
    }

    /// A lane has released a partition, or could not claim it.
    func giveBack(_ partition: PartitionID, from lane: Int) {
        state.withLock { state in
            if state.loans[partition]?.lane == lane { state.loans[partition] = nil }
        }
    }
}
