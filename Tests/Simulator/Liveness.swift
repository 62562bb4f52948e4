/// Promise 11 as figures. Once all servers are healthy every gate opens, everything accepted is decided and
/// everybody is answered, in time in proportion to what there is; nothing is begun again and again meanwhile:
/// a partition spends few epochs, a daemon loses few sessions.
import CouponCore
import Models

final class Liveness {
    /// What may be left of the troubles when they end: a daemon that stands still, back-offs, retries.
    private static let base: Int64 = 45_000_000
    /// How often each thing may be moved: the queue is read to be counted and read to be issued, a coupon's
    /// rows go to the gate, and two daemons may have begun beside each other.
    private static let factor: Int64 = 4
    /// Epochs of a partition after the troubles: of a rebuild that they cut short, and of the next one.
    private static let epochsSpent: Int64 = 2
    /// Sessions that a daemon may lose after the troubles, where the network's delays come together.
    private static let sessionsLost = 2
    /// What the troubles have broken is found broken so long after them: a daemon may have stood still.
    private static let aftermath: Int64 = 6_000_000

    /// Between two commits of a partition that has entries and an open gate: a step of up to 2 s with its
    /// rest of 12 s, both partitions' pages, and the network's worst moments.
    private static let turn: Int64 = 20_000_000

    private unowned let play: Play
    private var healedAt: Int64?
    private var epochs: [Epoch] = []
    private var lost: [String: Int] = [:]
    /// Where a partition's cursor stands, and since when.
    private var stood: [PartitionID: (at: Position, since: Int64)] = [:]
    /// The most that there was to move, as a span of time.
    private var most: Int64 = 0

    init(_ play: Play) { self.play = play }

    /// From now on all servers are healthy.
    func begin() {
        healedAt = play.line.now
        // A PostgreSQL that went back has epochs below those that its gates know.
        let (tables, redis) = (play.postgres.tables, play.redis.data)
        epochs = zip(tables.partitions, redis.partitions).map { row, keys in
            max(row.epoch, keys.gate?.epoch ?? 0, keys.lastID.epoch)
        }
    }

    /// When all must be quiet; later, the more there is.
    private var end: Int64 {
        most = max(most, play.work * Self.factor + play.weights.trying(play.queuedRequests))
        return max(healedAt ?? 0, play.outage?.ends ?? 0) + Self.base + most
    }

    /// What is wrong by now, though all is not quiet yet.
    func look(stillToCome reason: String) {
        let end = end
        if play.line.now > end {
            let seconds = (end - (healedAt ?? 0)) / 1_000_000
            play.witness.fail("no rest: no quiet state after \(seconds) s: \(reason)")
        }
        lookAtEpochs()
        lookAtTurns()
    }

    /// A partition whose gate is open has its turns, whatever another one's needs.
    private func lookAtTurns() {
        for partition in play.partitioning.all {
            let row = play.postgres.tables[partition]
            let isDue = play.mayDrain(partition) && play.outage?.partition != partition
            if !isDue || row.cursor != stood[partition]?.at {
                stood[partition] = (row.cursor, play.line.now)
            }
            let since = max(stood[partition]?.since ?? 0, (healedAt ?? 0) + Self.aftermath)
            let longest = Self.turn + play.weights.trying(play.queuedRequests)
            guard play.line.now - since > longest else { continue }
            play.witness.fail(
                "liveness: partition \(partition.rawValue) is open, and stands at \(row.cursor)")
        }
    }

    /// A world that has healed builds a gate once.
    func lookAtEpochs() {
        for (row, before) in zip(play.postgres.tables.partitions, epochs)
        where row.epoch - before > Self.epochsSpent {
            play.witness.fail(
                "liveness: epochs climb, partition \(row.id.rawValue) from \(before) to \(row.epoch)"
            )
        }
    }

    /// A scheduler's session has ended that stood.
    func didLoseSession(_ daemon: Daemon?, _ reason: String) {
        guard let daemon, daemon.isAlive, let healedAt else { return }
        guard play.line.now > healedAt + Self.aftermath else { return }
        lost[daemon.name, default: 0] += 1
        guard lost[daemon.name, default: 0] > Self.sessionsLost else { return }
        play.witness.fail("liveness: \(daemon.name) loses session after session: \(reason)")
    }
}
