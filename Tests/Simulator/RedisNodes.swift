/// The Redis servers that have the same partitions, one after the other. Most plays have one server. In the
/// others a master may be replaced by another server, with a part of its data and in a higher term, and may
/// go on for a while as if it had not been; and each daemon has a map of its own, which may be old (rules 50
/// to 52). Some plays have several masters at once (`Spread.swift`), each with its own servers.
import CouponCore
import CoreTestKit

final class RedisNodes {
    enum Kind {
        case single
        /// Sentinel knows the terms, and the servers do not. A deposed master accepts until it learns of it.
        case sentinel
        /// Each server knows its own term. A master that is cut off stops before another one is promoted.
        case cluster
    }

    /// What a map says: which server is the master, and in which term.
    struct Place {
        let server: RedisServer
        let term: UInt64

        var id: RedisNode.ID { RedisNode.ID("node\(server.number)") }
    }

    /// How many of a thousand plays have several servers.
    static let share = 250

    let kind: Kind
    /// The place in the list of all.
    let index: Int
    unowned let play: Play
    private(set) var all: [RedisServer] = []
    /// Every master so far, the latest last.
    private var masters: [Place] = []
    /// Daemons that do not reach a server, with its number.
    private var cuts: Set<String> = []
    /// A promotion that is to come.
    private var promotion: (() -> Void)?

    init(_ play: Play, _ kind: Kind, index: Int, data: ModelRedis) {
        self.play = play
        self.kind = kind
        self.index = index
        let first = makeServer(data)
        all = [first]
        // In a cluster each master has a config epoch of its own.
        first.term = UInt64(index)
        masters = [Place(server: first, term: UInt64(index))]
        if play.isSpread {
            first.clockOffset = play.line.random(-Self.longestOffset...Self.longestOffset)
            first.served = Set(play.partitioning.all.filter { play.homes[$0.rawValue] == index })
        }
    }

    /// With several masters, how many microseconds their clocks may be wrong.
    private static let longestOffset: Int64 = 5_000_000

    private func makeServer(_ data: ModelRedis) -> RedisServer {
        let numbers = play.numbers
        return RedisServer(
            play, data: data, number: numbers.nextServer(), process: numbers.nextProcess(),
            numbers.nextHistory())
    }

    /// What the play of a seed has. Its random numbers are its own, so plays with one server stay the same.
    static func kind(seed: UInt64, share: Int) -> Kind {
        var random = SplitMix64(seed: seed ^ 0xFA17)
        random = SplitMix64(seed: random.next() ^ seed)
        let isDrawn = Int.random(in: 0...999, using: &random) < share
        return !isDrawn ? .single : Bool.random(using: &random) ? .sentinel : .cluster
    }

    /// The last master, and its term.
    var current: Place { masters[masters.count - 1] }

    /// The master has got a hash slot, and with it a new config epoch.
    func raiseTerm() {
        play.numbers.term += 1
        current.server.term = play.numbers.term
        masters.append(Place(server: current.server, term: play.numbers.term))
    }

    /// Whether its master can take part in the move of a hash slot.
    var isCalm: Bool {
        let master = current.server
        return promotion == nil && master.isUp && !master.isFrozen && master.importer == nil
            && master.moving.isEmpty && !master.isCutOff
    }

    // MARK: Daemons

    /// Whether a daemon reaches a server.
    func reaches(_ daemon: Daemon?, _ server: RedisServer) -> Bool {
        guard let daemon else { return true }
        return !cuts.contains("\(daemon.name) \(server.number)")
    }

    /// What some server tells a daemon that asks for the map; nil if it does not answer. With faults a daemon
    /// believes a map that is older than what it knew.
    func answer(to daemon: Daemon) -> Place? {
        // A majority of the sentinels is at most one failover behind.
        let known = kind == .sentinel ? Array(masters.suffix(2)) : masters
        if play.chance(play.faults.oldMap) {
            // Of these an old master that goes on is the worst.
            let deposed = known.filter { $0.server.isMaster && $0.server.isUp }
            return play.line.pick(play.line.chance(700) ? deposed : known)
        }
        guard let server = play.line.pick(all), server.isUp, !server.isFrozen,
            reaches(daemon, server)
        else { return nil }
        let answer = server.isMaster ? known.last { $0.server === server } : current
        return answer.map(\.term) ?? 0 < daemon.maps[index].term ? nil : answer
    }

    // MARK: Promotion

    private func promote(_ data: ModelRedis, to server: RedisServer? = nil) {
        promotion = nil
        let unused = all.filter { $0.isUp && !$0.isMaster && !$0.isFrozen }
        var next = server ?? (play.line.chance(400) ? play.line.pick(unused) : nil)
        if next == nil { next = makeServer(data) }
        guard let next else { return }
        let longest: Int64 = play.isSpread ? Self.longestOffset : 300_000
        next.clockOffset = play.line.random(-longest...longest)
        if !all.contains(where: { $0 === next }) { all.append(next) }
        play.numbers.term += 1
        let term = play.numbers.term
        current.server.moving.removeAll()
        next.becomeMaster(data, term: term)
        next.served = play.isSpread ? Set(play.partitions(of: self)) : nil
        masters.append(Place(server: next, term: term))
        play.line.note("nodes", "node \(next.number) is the master, in term \(term)")
        play.witness.redisLost(of: play.partitions(of: self), isRollback: true)
    }

    private func plan(_ data: ModelRedis, after delay: Int64, then: @escaping () -> Void) {
        let step = { [self] in
            promote(data)
            then()
        }
        promotion = step
        play.line.after(delay) { [self] in
            if promotion != nil { step() }
        }
    }

    /// A server that was the master learns that it is not any more.
    func demote(_ server: RedisServer) {
        guard server !== current.server, server.isMaster else { return }
        play.line.note("nodes", "node \(server.number) is a replica")
        server.becomeReplica(of: current.server)
        play.cutOff(from: server.process)
    }

    /// A server that was down has started again.
    func didReturn(_ server: RedisServer) {
        guard server !== current.server else { return }
        if kind == .cluster { return demote(server) }
        play.line.after(play.line.random(100_000...3_000_000)) { [self] in demote(server) }
    }

    /// Ends all that is under way: one master that everybody reaches, and replicas.
    func heal() {
        promotion?()
        cuts.removeAll()
        for server in all {
            server.importer = nil
            server.moving.removeAll()
            server.isCutOff = false
            server.thaw()
            demote(server)
        }
    }
}

// MARK: Faults

/// How a master is replaced.
enum Failover: CaseIterable {
    case killed, isolated, frozen, planned, moved
}

extension RedisNodes {
    /// Draws what happens to the masters of a play with several servers.
    func planFailovers() {
        guard kind != .single else { return }
        let line = play.line
        for _ in 1...line.random(1...3) {
            guard let failover = line.pick(Failover.allCases) else { continue }
            line.at(line.random(200_000...play.troubleEnds / 2)) { [self] in bring(failover) }
        }
        for _ in 0..<line.random(0...3) {
            line.at(line.random(200_000...play.troubleEnds)) { [self] in cutOneDaemon() }
        }
    }

    private func bring(_ failover: Failover) {
        let (line, old) = (play.line, current.server)
        guard line.now < play.troubleEnds, promotion == nil, old.isUp, !old.isFrozen,
            old.importer == nil, old.moving.isEmpty
        else { return }
        line.note("DISASTER", "\(failover) master, node \(old.number)")
        let replica = old.anEarlierState(line)
        let pause = line.random(20_000...1_500_000)
        switch failover {
        case .killed:
            old.stop(for: pause + line.random(0...2_000_000))
            plan(replica, after: pause) {}
        case .isolated: isolate(old, replica)
        case .frozen:
            old.freeze()
            plan(replica, after: pause) { [self] in
                line.after(line.random(50_000...2_000_000)) { [self] in
                    line.note("nodes", "node \(old.number) goes on")
                    old.thaw()
                    // In a cluster the first message of another node is enough.
                    let longest: Int64 = kind == .cluster ? 30_000 : 4_000_000
                    line.after(line.random(0...longest)) { [self] in demote(old) }
                }
            }
        case .planned:
            promote(old.data)
            demote(old)
        case .moved: move(old)
        }
    }

    private func isolate(_ old: RedisServer, _ replica: ModelRedis) {
        let line = play.line
        for daemon in play.daemons where daemon.isAlive && line.chance(300) { cut(daemon, old) }
        let goesOn = line.random(0...1_500_000)
        if kind == .cluster { line.after(goesOn) { old.isCutOff = true } }
        plan(replica, after: goesOn + line.random(20_000...800_000)) { [self] in
            line.after(line.random(100_000...3_000_000)) { [self] in
                old.isCutOff = false
                demote(old)
            }
        }
    }

    /// Its keys go to another server one by one; until all are there, no script runs. Some moves are undone.
    private func move(_ old: RedisServer) {
        let line = play.line
        let next = makeServer(ModelRedis(like: old.data))
        all.append(next)
        if play.isSpread { next.served = [] }
        old.importer = next
        line.after(line.random(50_000...1_500_000)) { [self] in
            guard old.importer === next else { return }
            old.importer = nil
            guard line.chance(500), old === current.server, old.isUp else {
                next.isMaster = false
                return
            }
            promote(old.data, to: next)
            demote(old)
        }
    }

    private func cutOneDaemon() {
        guard let daemon = play.line.pick(play.daemons.filter(\.isAlive)),
            let server = play.line.pick(all), play.line.now < play.troubleEnds
        else { return }
        cut(daemon, server)
    }

    private func cut(_ daemon: Daemon, _ server: RedisServer) {
        cut(daemon, server, for: play.line.random(100_000...2_000_000))
    }

    /// - Parameter time: in microseconds.
    func cut(_ daemon: Daemon, _ server: RedisServer, for time: Int64) {
        play.line.note("DISASTER", "\(daemon.name) does not reach node \(server.number)")
        cuts.insert("\(daemon.name) \(server.number)")
        daemon.cutOff(from: server.process)
        play.line.after(time) { [self] in
            cuts.remove("\(daemon.name) \(server.number)")
        }
    }
}
