/// A daemon's subscription: lost events are not sent again, and a break may go unnoticed for a while (rule
/// 39). With several masters there is one at each, and each partition comes and goes alone.
import CouponCore

final class SimulatedSubscription {
    private unowned let daemon: Daemon
    private let play: Play
    /// Of which master, by its number among them; nil if there is one.
    private let shard: Int?
    /// The Redis process that it is subscribed to; nil if Redis does not have the subscription.
    private(set) var process: Int?
    private var server: RedisServer?
    /// Partitions whose events Redis sends.
    private var heard: Set<PartitionID> = []
    /// Partitions that the daemon takes for heard, and those that its loops take for heard.
    private var told: Set<PartitionID> = []
    private var believed: Set<PartitionID> = []
    /// Signals on their way to the loops.
    private(set) var inFlight = 0
    private var isRetrying = false

    init(_ daemon: Daemon, of shard: Int?) {
        self.daemon = daemon
        self.shard = shard
        play = daemon.play
    }

    /// Whether it gets every event of a partition, and none is on its way.
    func isQuiet(_ partition: PartitionID) -> Bool {
        believed.contains(partition) && process != nil && heard.contains(partition)
            && !daemon.hasSignals
    }

    /// Whether all loops know that the partition's events do not come.
    func isKnownDeaf(_ partition: PartitionID) -> Bool {
        !believed.contains(partition) && !told.contains(partition) && !daemon.hasSignals
    }

    func connect() {
        daemon.after(play.line.delay()) { [self] in
            let redis = daemon.maps[shard ?? 0].server
            guard redis.isUp, !play.chance(play.faults.subscription), redis.isMaster,
                !redis.isFrozen, play.reaches(daemon, redis)
            else {
                daemon.refreshMap()
                return daemon.after(play.line.random(100_000...500_000)) { [self] in connect() }
            }
            process = redis.process
            server = redis
            if shard != nil { return subscribe() }
            heard = Set(play.partitioning.all)
            told = heard
            send(.up)
        }
    }

    /// Asks for each partition that the map has here, and that is not heard.
    private func subscribe() {
        guard let shard, let server, process != nil else { return }
        for partition in play.partitioning.all
        where daemon.homes[partition.rawValue] == shard && !heard.contains(partition) {
            // A server that does not have it refuses.
            guard server.served?.contains(partition) == true else {
                subscribeAgain()
                continue
            }
            heard.insert(partition)
            told.insert(partition)
            send(.partitionUp(partition))
        }
    }

    private func subscribeAgain() {
        daemon.refreshMap()
        guard !isRetrying else { return }
        isRetrying = true
        daemon.after(250_000) { [self] in
            isRetrying = false
            subscribe()
        }
    }

    /// The server has given a partition away, and says so, unasked.
    func lose(_ partition: PartitionID, at other: Int) {
        guard shard != nil, process == other, heard.remove(partition) != nil else { return }
        daemon.after(play.line.delay()) { [self] in
            guard !heard.contains(partition) else { return }
            drop(partition, "the node has given it up")
            subscribeAgain()
        }
    }

    private func drop(_ partition: PartitionID, _ reason: String) {
        heard.remove(partition)
        if told.remove(partition) != nil { send(.partitionDown(partition, reason)) }
    }

    /// The map may have other partitions here: those that went are given up before another one asks for them.
    func dropMoved() {
        for partition in told.sorted()
        where shard.map({ $0 != daemon.homes[partition.rawValue] }) == true {
            drop(partition, "its node has changed")
        }
    }

    /// Redis publishes an event.
    func publish(_ event: CompletionEvent, by server: Int) {
        guard daemon.isAlive, process == server, heard.contains(event.partition) else { return }
        if play.chance(play.faults.event) {
            // A connection loses no bytes: it is broken, and the daemon notices later.
            play.line.note(daemon.name, "has a broken subscription")
            return cut(noticedAfter: play.line.random(0...1_500_000))
        }
        send(.event(event))
        if play.chance(play.faults.event) { send(.event(event)) }
    }

    /// The subscription breaks.
    func cut(noticedAfter delay: Int64) {
        guard process != nil else { return }
        process = nil
        heard.removeAll()
        daemon.after(delay) { [self] in
            if shard == nil { send(.down("cut")) }
            for partition in shard == nil ? [] : told.sorted() {
                send(.partitionDown(partition, "cut"))
            }
            told.removeAll()
            connect()
        }
    }

    /// The same, if it is the subscription to this process.
    func cut(from other: Int, noticedAfter delay: Int64) {
        if play.kind == .single || process == other { cut(noticedAfter: delay) }
    }

    /// The map may name another server, or have other partitions here.
    func follow() {
        if server !== daemon.maps[shard ?? 0].server { return cut(noticedAfter: 0) }
        subscribe()
    }

    /// Sends a signal to each loop, in order.
    private func send(_ signal: EventSignal) {
        play.line.note(daemon.name, "receives \(signal)")
        daemon.lastSignal = max(daemon.lastSignal, play.line.now + play.line.delay())
        for loop in daemon.loops {
            inFlight += 1
            play.line.at(daemon.lastSignal) { [self] in
                daemon.arrive { [self] in
                    inFlight -= 1
                    switch signal {
                    case .up: believed = Set(play.partitioning.all)
                    case .down: believed.removeAll()
                    case .partitionUp(let partition): believed.insert(partition)
                    case .partitionDown(let partition, _): believed.remove(partition)
                    case .event: break
                    }
                    loop.turn { loop.worker.receive(signal) }
                }
            }
        }
    }
}
