/// A Redis: the model of the scripts, an identity, a clock, and the subscriptions.
import CouponCore
import CoreTestKit

final class RedisServer {
    unowned let play: Play
    /// Among the servers of the play.
    let number: Int
    private(set) var data: ModelRedis
    private(set) var identity: RedisIdentity
    /// The number of its process. Connections to an earlier one are broken.
    private(set) var process: Int
    private(set) var isUp = true
    /// In which term it is the master, or was (rule 50).
    var term: UInt64 = 0
    /// Whether it takes itself for the master.
    var isMaster = true
    /// Whether it knows that a cluster cannot reach it, and refuses.
    var isCutOff = false
    /// The server to which its keys are moving: some are still here, and some are there.
    var importer: RedisServer?
    /// The partitions whose keys are moving, and where they go.
    var moving: [PartitionID: RedisServer] = [:]
    /// The partitions that it serves, as far as it knows; nil for all.
    var served: Set<PartitionID>?
    /// What came while it is frozen, and runs afterwards; nil if it is not frozen.
    private var frozen: [() -> Void]?
    /// What replicas may have: the latest states.
    private var states: [ModelRedis] = []
    /// How many microseconds this Redis' clock is ahead.
    var clockOffset: Int64 = 0
    /// Earlier states, for restarts and rollbacks.
    private var snapshots: [ModelRedis] = []
    /// Counts how often blocked commands were ended with an error.
    private(set) var unblocked = 0

    init(_ play: Play, data: ModelRedis, number: Int, process: Int, _ history: Int) {
        self.play = play
        self.data = data
        self.number = number
        self.process = process
        identity = RedisIdentity(runID: "run\(process)", replicationID: "replica\(history)")
    }

    var now: Timestamp { play.wall(offset: clockOffset) }

    /// Runs a script, publishes its events, and checks the invariants.
    func run<Value>(_ script: (inout ModelRedis, Timestamp) -> Value) -> Value {
        let before = data.partitions
        data.replicationID = identity.replicationID
        data.term = play.kind == .cluster ? term : nil
        let value = script(&data, now)
        play.witness.didRun(from: before, to: data.partitions, at: self)
        keepState(before)
        let events = data.events
        data.events.removeAll()
        for event in events {
            for daemon in play.daemons { daemon.publish(event, by: process) }
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
        play.witness.redisLost(of: [partition], isRollback: false)
    }

    /// Kills Redis, and restarts it after a while with its data, with nothing, or with an earlier state.
    func restart(with kind: Restart, after delay: Int64) {
        isUp = false
        frozen = nil
        for partition in play.partitions(at: self) { play.witness.didShake(partition) }
        switch kind {
        case .data: break
        case .nothing: change(to: ModelRedis(like: data), isRollback: false)
        case .snapshot: change(to: snapshots.randomElement(by: play.line) ?? data, isRollback: true)
        }
        play.cutOff(from: process)
        process = play.numbers.nextProcess()
        identity = RedisIdentity(
            runID: "run\(process)", replicationID: "replica\(play.numbers.nextHistory())")
        play.line.after(delay) { [self] in
            isUp = true
            play.line.note("redis", "up again")
            play.shard(with: self).didReturn(self)
        }
    }

    enum Restart: CaseIterable { case data, nothing, snapshot }

    /// REPLICAOF an older copy, and back: the process and its connections stay, but blocked commands end with
    /// an error.
    func rollBackInPlace() {
        unblocked += 1
        play.wakeBlocked()
        identity = RedisIdentity(
            runID: identity.runID, replicationID: "replica\(play.numbers.nextHistory())")
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

    /// Another program adds an entry to a queue, with an id that cannot come from a gate.
    func addForeignEntry(_ partition: PartitionID) {
        play.witness.didShake(partition)
        data.addForeignEntry(partition)
        play.wakeBlocked()
    }

    // MARK: One of several

    /// Why it runs no script of a partition; nil if it does.
    func refusal(of partition: PartitionID) -> String? {
        if let refusal { return refusal }
        if served?.contains(partition) == false { return "MOVED" }
        return moving[partition] == nil ? nil : "TRYAGAIN"
    }

    /// Why it runs no script at all; nil if it does.
    var refusal: String? {
        if !isMaster { return "READONLY" }
        if isCutOff { return "CLUSTERDOWN" }
        return importer == nil ? nil : "TRYAGAIN"
    }

    /// Gives a partition away, with its keys or without.
    func giveAway(_ partition: PartitionID) -> ModelRedis.Partition {
        defer { data[partition] = ModelRedis.Partition() }
        served?.remove(partition)
        moving[partition] = nil
        return data[partition]
    }

    /// Gets a partition.
    func receive(_ partition: PartitionID, _ keys: ModelRedis.Partition) {
        data[partition] = keys
        served?.insert(partition)
    }

    var isFrozen: Bool { frozen != nil }

    /// SIGSTOP. Its kernel still takes what is sent.
    func freeze() { frozen = frozen ?? [] }

    /// What it has got in the meantime runs now.
    func thaw() {
        let waiting = frozen ?? []
        frozen = nil
        for body in waiting { body() }
    }

    /// Keeps what came to a server that is frozen. False if it is not.
    func keepsUntilThaw(_ body: @escaping () -> Void) -> Bool {
        guard frozen != nil else { return false }
        frozen?.append(body)
        return true
    }

    /// Is down for a while, and starts again with its data.
    func stop(for delay: Int64) { restart(with: .data, after: delay) }

    /// What a replica has: everything, or what was there a few scripts before.
    func anEarlierState(_ line: Timeline) -> ModelRedis {
        line.chance(400) ? data : line.pick(states) ?? data
    }

    private func keepState(_ before: [ModelRedis.Partition]) {
        guard play.kind != .single else { return }
        states.append(data)
        states[states.count - 1].events.removeAll()
        if states.count > 40 { states.removeFirst(20) }
        // A script that ran where the keys are not all has made a second gate (rule 52).
        let changed = play.partitioning.all.filter {
            before[$0.rawValue].gate != data[$0].gate
        }
        for other in changed.isEmpty ? [] : play.shards.flatMap(\.all)
        where other.importer === self || changed.contains(where: { other.moving[$0] === self }) {
            play.witness.fail("a script wrote at node \(number), which has a part of the keys")
        }
    }

    func becomeMaster(_ data: ModelRedis, term: UInt64) {
        self.data = data
        self.data.events.removeAll()
        self.term = term
        (isMaster, isCutOff) = (true, false)
        identity = RedisIdentity(
            runID: identity.runID, replicationID: "replica\(play.numbers.nextHistory())")
        (states, snapshots) = ([], [])
    }

    func becomeReplica(of master: RedisServer) {
        (isMaster, isCutOff, importer) = (false, false, nil)
        moving.removeAll()
        data = ModelRedis(like: data)
        identity = RedisIdentity(
            runID: identity.runID, replicationID: master.identity.replicationID)
        unblocked += 1
        play.wakeBlocked()
    }

    private func change(to other: ModelRedis, isRollback: Bool) {
        data = other
        data.events.removeAll()
        play.witness.redisLost(of: play.partitions(at: self), isRollback: isRollback)
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
