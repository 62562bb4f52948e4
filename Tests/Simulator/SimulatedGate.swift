/// A worker's connection to the gate. Like `GateConnection` it keeps calls in order, replaces a broken
/// connection, and kills the old one before it sends anything again (rule 14).
import CouponCore
import CoreTestKit

final class SimulatedGate: Gate {
    private(set) var identity: RedisIdentity?
    weak var delegate: (any GateDelegate)?

    private struct Pending {
        let call: GateCall
        var answer: GateAnswer?
    }

    /// One connection. Redis runs its calls until the connection is killed or Redis dies.
    private final class Wire {
        let server: RedisServer
        let process: Int
        var isKilled = false
        var lastArrival: Int64 = 0
        var lastReply: Int64 = 0
        init(_ server: RedisServer) {
            self.server = server
            process = server.process
        }
    }

    private let play: Play
    private unowned let daemon: Daemon
    /// The server to which it leads whatever the map says; nil if it follows the map.
    private let server: RedisServer?
    private var wire: Wire?
    /// The last connection to each server, by its number, until it is killed.
    private var old: [Int: Wire] = [:]
    private var pending: [Pending] = []
    private var firstNumber = 0
    private var isClosed = false

    init(_ daemon: Daemon, at server: RedisServer? = nil) {
        self.daemon = daemon
        self.server = server
        play = daemon.play
        connect()
    }

    /// Where it connects.
    var node: RedisServer { server ?? daemon.maps[0].server }

    func send(_ call: GateCall) {
        guard identity != nil, let wire else {
            daemon.after(10) { [self] in
                delegate?.gate(didAnswer: call, with: .unavailable("not connected"))
            }
            return
        }
        precondition(pending.count < Limits.gateCallsInFlight, "too many calls in flight")
        pending.append(Pending(call: call))
        let number = firstNumber + pending.count - 1
        wire.lastArrival = max(wire.lastArrival, play.line.now + play.line.delay())
        play.line.at(wire.lastArrival) { [self] in arrive(call, number, wire) }
        if play.chance(play.faults.gate) {
            play.line.after(play.line.delay()) { [self] in breakDown("cut") }
        }
    }

    func verify() {
        guard let wire else { return }
        daemon.after(play.line.delay()) { [self] in
            guard wire === self.wire, wire.process == wire.server.process, identity != nil,
                identity != wire.server.identity
            else { return }
            breakDown("Redis was replaced, restarted or promoted")
        }
    }

    func close() {
        isClosed = true
        identity = nil
        // Calls that were sent may still run, or may be lost.
        if let wire, play.chance(500) { wire.isKilled = true }
        pending.removeAll()
    }

    /// Runs the call in Redis, unless its connection is gone.
    private func arrive(_ call: GateCall, _ number: Int, _ wire: Wire) {
        let redis = wire.server
        guard !wire.isKilled, redis.isUp, wire.process == redis.process else { return }
        if redis.keepsUntilThaw({ [self] in arrive(call, number, wire) }) { return }
        if let refusal = redis.refusal(of: call.partition) {
            daemon.refreshMap()
            return reply(.unavailable(refusal), number, wire)
        }
        if play.chance(play.faults.script) {
            return reply(.unavailable("LOADING"), number, wire)
        }
        let answer = redis.run { $0.gate(call, now: $1) }
        play.witness.didJudge(call, answer, at: redis)
        play.line.note("gate", "\(daemon.name) \(call.brief) -> \(answer.brief)")
        if play.chance(play.faults.script) {
            return reply(.interrupted("nonsense"), number, wire)
        }
        reply(answer, number, wire)
    }

    private func reply(_ answer: GateAnswer, _ number: Int, _ wire: Wire) {
        var delay = play.line.delay()
        if play.chance(play.faults.lateAnswer) { delay += play.line.random(5_000...250_000) }
        wire.lastReply = max(wire.lastReply, play.line.now + delay)
        play.line.at(wire.lastReply) { [self] in
            daemon.arrive { [self] in
                guard wire === self.wire, identity != nil else { return }
                pending[number - firstNumber].answer = answer
                deliver()
            }
        }
    }

    private func deliver() {
        while let first = pending.first, let answer = first.answer {
            pending.removeFirst()
            firstNumber += 1
            delegate?.gate(didAnswer: first.call, with: answer)
        }
    }

    /// Breaks the connection, if it leads to this process; with a single Redis always.
    func breakDown(_ reason: String, from process: Int) {
        if play.kind == .single || wire?.process == process { breakDown(reason) }
    }

    /// The map may name another server.
    func follow() {
        if wire.map({ $0.server !== node }) == true { breakDown("the map names another node") }
    }

    /// Breaks the connection.
    func breakDown(_ reason: String) {
        guard !isClosed, daemon.isAlive, identity != nil else { return }
        daemon.arrive { [self] in
            guard identity != nil else { return }
            play.line.note(daemon.name, "connection to the gate lost: \(reason)")
            identity = nil
            if let wire { old[wire.server.number] = wire }
            wire = nil
            daemon.refreshMap()
            delegate?.gateDidChange()
            daemon.after(play.line.random(25_000...80_000)) { [self] in connect() }
        }
    }

    private func connect() {
        daemon.after(play.line.delay()) { [self] in
            guard !isClosed else { return }
            let redis = node
            guard redis.isUp, !play.chance(play.faults.gate), redis.isMaster, !redis.isFrozen,
                play.reaches(daemon, redis)
            else {
                daemon.refreshMap()
                return daemon.after(play.line.random(50_000...500_000)) { [self] in connect() }
            }
            // It reaches this process only: what was sent to another one may still run there.
            old[redis.number]?.isKilled = true
            let wire = Wire(redis)
            let identity = redis.identity
            daemon.after(play.line.delay()) { [self] in
                guard !isClosed else { return }
                old[redis.number] = nil
                self.wire = wire
                self.identity = identity
                for index in pending.indices where pending[index].answer == nil {
                    pending[index].answer = .interrupted("cut")
                }
                deliver()
                delegate?.gateDidChange()
                if wire.process != redis.process { breakDown("Redis is gone") }
                follow()
            }
        }
    }

    /// Whether no call is in flight.
    var isQuiet: Bool { pending.isEmpty }
}

extension GateCall {
    var brief: String {
        "epoch \(epoch) floor \(floor) " + questions.map(\.brief).joined(separator: ", ")
    }
}

extension GateQuestion {
    fileprivate var brief: String {
        "coupon \(coupon.rawValue) "
            + requests.map { "u\($0.user.rawValue)/\($0.requestID.brief)" }.joined(separator: " ")
    }
}

extension GateAnswer {
    var brief: String {
        guard case .reply(let reply) = self else { return "\(self)" }
        let results = reply.results.map(\.brief).joined(separator: ", ")
        return "\(results) tail \(reply.tail) settled \(reply.settled)"
    }
}

extension GateResult {
    fileprivate var brief: String {
        guard case .judged(let judgement) = self else { return "\(self)" }
        let door = judgement.door.isClosed ? "\(judgement.door)" : "open"
        return "\(judgement.verdicts) rev \(judgement.rev) \(door)"
    }
}

extension RequestID {
    /// The number of the wish.
    var brief: String { "\(highBits)" }
}
