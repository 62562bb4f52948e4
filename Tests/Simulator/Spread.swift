/// Plays with several masters at once, as in a cluster: each has a part of the partitions, a clock of its own
/// and servers that may take its place, and partitions move from one to another (rules 50 to 52).
import CouponCore
import CoreTestKit

/// Numbers that the servers of a play share: each is there once, whatever server has it.
final class RedisNumbers {
    private var processes = 0
    private var histories = 0
    private var servers = 0
    /// The highest term so far.
    var term: UInt64

    init(term: UInt64) { self.term = term }

    func nextProcess() -> Int {
        processes += 1
        return processes
    }

    func nextHistory() -> Int {
        histories += 1
        return histories
    }

    func nextServer() -> Int {
        servers += 1
        return servers
    }
}

/// What a play with several masters has.
struct Spread {
    /// How many of a thousand plays have several masters.
    static let share = 100

    let masters: Int
    let partitions: Int
    let coupons: Int64

    /// This is drawn from its own random numbers, so plays with one master stay the same.
    /// - Returns: nil if the play of this seed has one master.
    init?(seed: UInt64, share: Int) {
        var random = SplitMix64(seed: seed ^ 0x5B4EB7)
        random = SplitMix64(seed: random.next() ^ seed)
        guard Int.random(in: 0...999, using: &random) < share else { return nil }
        masters = Int.random(in: 2...3, using: &random)
        partitions = Int.random(in: masters...4, using: &random)
        coupons = Int64.random(in: Int64(partitions)...6, using: &random)
    }
}

extension Play {
    /// The rightful master of a partition.
    func redis(of partition: PartitionID) -> RedisServer {
        shards[homes[partition.rawValue]].current.server
    }

    /// The rightful master that the next fault hits.
    var hit: RedisServer {
        isSpread ? (line.pick(shards) ?? nodes).current.server : redis
    }

    /// What the rightful masters have of each partition.
    var gates: [ModelRedis.Partition] {
        isSpread ? partitioning.all.map { redis(of: $0).data[$0] } : redis.data.partitions
    }

    /// The servers to which a server belongs.
    func shard(with server: RedisServer) -> RedisNodes {
        shards.first { $0.all.contains { $0 === server } } ?? nodes
    }

    /// The partitions of some servers.
    func partitions(of shard: RedisNodes) -> [PartitionID] {
        partitioning.all.filter { homes[$0.rawValue] == shard.index }
    }

    /// The partitions whose rightful master a server is. Once the play has begun, a single server has all.
    func partitions(at server: RedisServer) -> [PartitionID] {
        isSpread ? partitioning.all.filter { redis(of: $0) === server } : partitioning.all
    }

    /// Whether a daemon reaches a server.
    func reaches(_ daemon: Daemon?, _ server: RedisServer) -> Bool {
        shard(with: server).reaches(daemon, server)
    }

    /// Whether some daemon does not reach a rightful master.
    var isSomeoneCutOff: Bool {
        shards.contains { shard in
            daemons.contains { $0.isAlive && !shard.reaches($0, shard.current.server) }
        }
    }

    // MARK: Faults

    /// Draws which partitions move to another master, and when.
    func planMoves() {
        guard isSpread else { return }
        for _ in 0..<line.random(0...4) {
            line.at(line.random(200_000...troubleEnds * 3 / 4)) { [self] in
                if let partition = line.pick(partitioning.all) { move(partition) }
            }
        }
    }

    /// A partition's keys go to another master one by one; until all are there, no script of it runs. Some
    /// moves end otherwise: the keys come back, or the other master takes the partition without them.
    private func move(_ partition: PartitionID) {
        let source = shards[homes[partition.rawValue]]
        // Operators wait until the gates of a master that was promoted, or has older data, are open
        // (rule 51).
        guard line.now < troubleEnds, source.isCalm, !witness.tainted.contains(partition),
            let target = line.pick(shards.filter { $0 !== source && $0.isCalm })
        else { return }
        let (from, to) = (source.current.server, target.current.server)
        line.note(
            "DISASTER",
            "partition \(partition.rawValue) moves from node \(from.number) to node \(to.number)")
        from.moving[partition] = to
        line.after(line.random(20_000...1_500_000)) { [self] in
            guard from.moving[partition] === to else { return }
            from.moving[partition] = nil
            guard line.chance(700), source.isCalm, target.isCalm, target.current.server === to
            else { return }
            settle(partition, from, target, withKeys: line.chance(800))
        }
    }

    private func settle(
        _ partition: PartitionID, _ source: RedisServer, _ target: RedisNodes, withKeys: Bool
    ) {
        let keys = source.giveAway(partition)
        homes[partition.rawValue] = target.index
        layouts.append(homes)
        target.raiseTerm()
        target.current.server.receive(partition, withKeys ? keys : ModelRedis.Partition())
        line.note(
            "nodes",
            "node \(target.current.server.number) has partition \(partition.rawValue), "
                + (withKeys ? "with its keys" : "without its keys")
                + ", and term \(target.current.term)")
        witness.didShake(partition)
        if !withKeys { witness.redisLost(of: [partition], isRollback: false) }
        for daemon in daemons where daemon.isAlive { daemon.lose(partition, at: source.process) }
        wakeBlocked()
    }
}
