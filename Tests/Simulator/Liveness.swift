/// Promise 11 in figures. Once all servers are healthy, every gate opens, every accepted request is decided
/// and every request is answered, in a time proportional to the size of the state. Until then work is not
/// begun again and again: a partition spends few epochs, and a daemon loses few sessions.
import CouponCore
import CoreTestKit

final class Liveness {
    /// The time for what is left of the faults: a stopped daemon, back-offs, retries.
    private static let base: Int64 = 45_000_000
    /// How often each thing may be moved: the queue is read once to be counted and once to be issued, a
    /// coupon's rows go to the gate, and two daemons may have begun at the same time.
    private static let factor: Int64 = 4
    /// Epochs of a partition after the faults: for the rebuild that they interrupted, and for the next one.
    private static let epochsSpent: Int64 = 2
    /// With several lanes and daemons: one that has not seen the others yet lends a partition in the middle
    /// of its rebuild, and another daemon claims it first (rule 49).
    private static let epochsOfLanes: Int64 = 1
    /// With several owners: one more for a rebuild that begins before the fence of another one, and so sees
    /// no beat; and two if a rebuild rests for longer than others wait for its beat, and they begin at once.
    private static let epochsOfOwners: Int64 = 5
    /// Sessions that a scheduler may lose after the faults, if several long delays of the network come
    /// together.
    private static let sessionsLost = 2
    /// For this long after the faults a daemon may still notice what they broke, because it was stopped.
    private static let aftermath: Int64 = 6_000_000

    /// The longest time between two commits of a partition with entries and an open gate: a step of up to 2 s
    /// with its rest of 12 s, both partitions' pages, and the network's longest delays.
    private static let turn: Int64 = 20_000_000

    private unowned let play: Play
    private var healedAt: Int64?
    private var epochs: [Epoch] = []
    /// The highest epoch that each partition ever had.
    private var highest: [PartitionID: Epoch] = [:]
    private var lost: [String: Int] = [:]
    /// A partition's cursor, and since when it has not moved.
    private var stood: [PartitionID: (at: Position, since: Int64)] = [:]
    /// The largest state so far, as the time to move it.
    private var most: Int64 = 0

    init(_ play: Play) { self.play = play }

    /// Begins the check: from now on all servers are healthy.
    func begin() {
        healedAt = play.line.now
        // If PostgreSQL went back, its epochs are below those of the gates, and below one that a daemon got
        // before, stopped with, and takes to its gate later.
        let tables = play.postgres.tables
        epochs = zip(tables.partitions, play.gates).map { row, keys in
            max(row.epoch, keys.gate?.epoch ?? 0, keys.lastID.epoch, highest[row.id] ?? 0)
        }
    }

    /// Records an epoch that PostgreSQL has raised.
    func didRaise(_ row: PartitionRow) {
        highest[row.id] = max(highest[row.id] ?? 0, row.epoch)
    }

    /// When all must be quiet: the larger the state, the later.
    private var end: Int64 {
        most = max(most, play.work * Self.factor + play.weights.trying(play.queuedRequests))
        return max(healedAt ?? 0, play.outage?.ends ?? 0) + Self.base + most
    }

    /// Checks a play that is not quiet yet.
    func look(stillToCome reason: String) {
        let end = end
        if play.line.now > end {
            let seconds = (end - (healedAt ?? 0)) / 1_000_000
            play.witness.fail("no rest: no quiet state after \(seconds) s: \(reason)")
        }
        lookAtEpochs()
        lookAtTurns()
    }

    /// A partition with an open gate has its turns, whatever another partition needs.
    private func lookAtTurns() {
        for partition in play.partitioning.all {
            let row = play.postgres.tables[partition]
            let isDue = play.mayDrain(partition) && play.outage?.partition != partition
            if !isDue || row.cursor != stood[partition]?.at {
                stood[partition] = (row.cursor, play.line.now)
            }
            let since = max(stood[partition]?.since ?? 0, (healedAt ?? 0) + Self.aftermath)
            let longest =
                Self.turn + play.weights.trying(play.queuedRequests) + 2 * play.searching
            guard play.line.now - since > longest else { continue }
            play.witness.fail(
                "liveness: partition \(partition.rawValue) is open, but its cursor stays at \(row.cursor)"
            )
        }
    }

    private var longestClimb: Int64 {
        if play.unrest == .owners { return Self.epochsOfOwners }
        return Self.epochsSpent
            + (play.lanes > 1 && play.daemons.count > 1 ? Self.epochsOfLanes : 0)
    }

    /// After the faults a gate is rebuilt few times.
    func lookAtEpochs() {
        for (row, before) in zip(play.postgres.tables.partitions, epochs)
        where row.epoch - before > longestClimb {
            play.witness.fail(
                "liveness: epochs climb, partition \(row.id.rawValue) from \(before) to \(row.epoch)"
            )
        }
    }

    /// A scheduler has lost a session.
    func didLoseSession(_ scheduler: Fiber, _ reason: String) {
        guard scheduler.daemon?.isAlive == true, let healedAt else { return }
        guard play.line.now > healedAt + Self.aftermath else { return }
        lost[scheduler.name, default: 0] += 1
        guard lost[scheduler.name, default: 0] > Self.sessionsLost else { return }
        play.witness.fail("liveness: \(scheduler.name) loses session after session: \(reason)")
    }
}
