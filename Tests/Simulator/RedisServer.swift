/// Redis: the model of the scripts, an identity, a clock, and the subscriptions.
import CouponCore
import CoreTestKit

final class RedisServer {
    unowned let play: Play
    private(set) var data: ModelRedis
    private(set) var identity = RedisIdentity(runID: "run1", replicationID: "replica1")
    /// Counts processes. Connections to an earlier one are broken.
    private(set) var process = 1
    private(set) var isUp = true
    /// How many microseconds this Redis' clock is ahead.
    var clockOffset: Int64 = 0
    /// Earlier states, for restarts and rollbacks.
    private var snapshots: [ModelRedis] = []
    private var histories = 1
    /// Counts how often blocked commands were ended with an error.
    private(set) var unblocked = 0

    init(_ play: Play, data: ModelRedis) {
        self.play = play
        self.data = data
    }

    var now: Timestamp { play.wall(offset: clockOffset) }

    /// Runs a script, publishes its events, and checks the invariants.
    func run<Value>(_ script: (inout ModelRedis, Timestamp) -> Value) -> Value {
        let before = data.partitions
        data.replicationID = identity.replicationID
        let value = script(&data, now)
        play.witness.didRun(from: before, to: data.partitions)
        let events = data.events
        data.events.removeAll()
        for event in events {
            for daemon in play.daemons { daemon.subscription.publish(event, by: process) }
        }
        if before.indices.contains(where: { before[$0].lastID != data.partitions[$0].lastID }) {
            play.wakeBlocked()
        }
        play.witness.look()
        return value
    }

    func configure(retention: Int64) { data.retention = retention }

    // MARK: Faults

    func takeSnapshot() { snapshots.append(data) }

    /// FLUSHALL: the process and its identity stay.
    func flush() {
        change(to: ModelRedis(like: data), isRollback: false)
    }

    /// Deletes a partition's gate, records and holders. Its queue stays.
    func loseGate(of partition: PartitionID) {
        data.partitions[partition.rawValue].gate = nil
        data.partitions[partition.rawValue].coupons.removeAll()
        play.witness.redisLost(isRollback: false)
    }

    /// Kills Redis, and restarts it after a while with its data, with nothing, or with an earlier state.
    func restart(with kind: Restart, after delay: Int64) {
        isUp = false
        switch kind {
        case .data: break
        case .nothing: change(to: ModelRedis(like: data), isRollback: false)
        case .snapshot: change(to: snapshots.randomElement(by: play.line) ?? data, isRollback: true)
        }
        play.cutOffFromRedis()
        process += 1
        histories += 1
        identity = RedisIdentity(runID: "run\(process)", replicationID: "replica\(histories)")
        play.line.after(delay) { [self] in
            isUp = true
            play.line.note("redis", "up again")
        }
    }

    enum Restart: CaseIterable { case data, nothing, snapshot }

    /// REPLICAOF an older copy, and back: the process and its connections stay, but blocked commands end with
    /// an error.
    func rollBackInPlace() {
        unblocked += 1
        play.wakeBlocked()
        histories += 1
        identity = RedisIdentity(runID: identity.runID, replicationID: "replica\(histories)")
        change(to: snapshots.randomElement(by: play.line) ?? data, isRollback: true)
    }

    /// Damages one entry's bytes while its gate is open: a running rebuild may have unlinked the holders by
    /// which its users are found (docs/SAFETY.md, "What is not covered").
    func damageEntry() {
        for partition in data.partitions.indices
        where !data.partitions[partition].queue.isEmpty
            && data.partitions[partition].gate?.isFenced == false
        {
            let count = data.partitions[partition].queue.count
            data.partitions[partition].queue[play.line.draw(0...count - 1)].isDamaged = true
            return
        }
    }

    private func change(to other: ModelRedis, isRollback: Bool) {
        data = other
        data.events.removeAll()
        play.witness.redisLost(isRollback: isRollback)
    }
}

extension ModelRedis {
    /// An empty Redis with the same settings.
    init(like other: ModelRedis) {
        self.init(partitioning: Partitioning(count: other.partitions.count))
        retention = other.retention
        backlogPerCoupon = other.backlogPerCoupon
        backlogPerPartition = other.backlogPerPartition
    }
}

extension Array {
    func randomElement(by line: Timeline) -> Element? { line.pick(self) }
}
