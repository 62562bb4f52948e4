/// What may go wrong in a play: each seed draws its own rates and disasters, so that some plays are calm but
/// for one thing, and others are a storm.
import CouponCore

struct Faults {
    /// In a thousand: of gate calls, that the connection breaks.
    var gate = 0
    /// Of gate calls, that the answer comes so late that events overtake it.
    var lateAnswer = 0
    /// Of scripts, that Redis refuses them, or answers nonsense.
    var script = 0
    /// Of calls of the control side.
    var control = 0
    /// Of statements.
    var postgres = 0
    /// Of commits, that their outcome is unknown.
    var commit = 0
    /// Of events, that the subscription breaks unnoticed; of others, that they come twice.
    var event = 0
    /// Of subscriptions, that they fail.
    var ear = 0
    /// Of requests and answers, that they are lost.
    var message = 0
    /// Of claims, that somebody else is the owner too.
    var twoOwners = 0

    static let none = Faults()

    init() {}

    /// Rates of one play.
    init(_ line: Timeline) {
        func rate(_ highest: Int) -> Int { line.chance(450) ? line.draw(1...highest) : 0 }
        gate = rate(60)
        script = rate(30)
        control = rate(60)
        postgres = rate(40)
        commit = rate(300)
        event = rate(80)
        ear = rate(300)
        message = rate(100)
        twoOwners = rate(500)
        lateAnswer = rate(200)
    }
}

/// What befalls the whole machine once in a while.
enum Disaster: CaseIterable {
    case crash, crashNew, stall, flush, redisData, redisNothing, redisSnapshot, rollBackInPlace
    case postgresDown, postgresBack, endSession, clockJump, slowClock, deafness, damage, loseGate

    /// Those of every play.
    static let common = allCases.filter { $0 != .loseGate }

    /// Whether Redis' data goes, or goes back.
    var losesRedis: Bool {
        switch self {
        case .flush, .redisNothing, .redisSnapshot, .rollBackInPlace, .slowClock, .loseGate: true
        default: false
        }
    }
}

extension Play {
    /// Draws the disasters of a play, and when they come.
    func planDisasters() {
        var kinds = Disaster.common.filter { _ in line.chance(200) }
        if weights.isDrawn {
            kinds.append(.loseGate)
            // Whose entry it is stands in the holders, which go with the gate.
            kinds.removeAll { $0 == .damage || $0 == .postgresBack }
            planLargeState()
        }
        // Both losing data at once gives an epoch out twice: docs/GUARANTEES.md does not promise that.
        if kinds.contains(.postgresBack) { kinds.removeAll(where: \.losesRedis) }
        for kind in kinds {
            for _ in 1...line.random(1...2) {
                line.at(line.random(200_000...troubleEnds)) { [self] in bring(kind) }
            }
        }
        for _ in 1...3 {
            line.at(line.random(100_000...troubleEnds)) { [self] in
                redis.takeSnapshot()
                postgres.takeSnapshot()
            }
        }
    }

    private func bring(_ disaster: Disaster) {
        guard line.now < troubleEnds else { return }
        line.note("DISASTER", "\(disaster)")
        let pause = line.random(1_000...(weights.isDrawn ? 3_000_000 : 1_200_000))
        switch disaster {
        case .crash:
            guard let daemon = line.pick(daemons.filter(\.isAlive)) else { return }
            daemon.crash()
            line.after(pause) { [self] in startDaemon() }
        case .crashNew: startDaemon()
        case .stall:
            guard let daemon = line.pick(daemons.filter(\.isAlive)) else { return }
            let end = line.now + line.random(100_000...5_000_000)
            daemon.stalledUntil = max(daemon.stalledUntil, end)
        case .flush: redis.flush()
        case .redisData: redis.restart(with: .data, after: pause)
        case .redisNothing: redis.restart(with: .nothing, after: pause)
        case .redisSnapshot: redis.restart(with: .snapshot, after: pause)
        case .rollBackInPlace: redis.rollBackInPlace()
        case .postgresDown: postgres.restart(after: pause)
        case .postgresBack:
            postgres.restart(after: pause)
            postgres.rollBack()
        case .endSession: postgres.endOneSession()
        case .clockJump:
            line.pick(daemons)?.wallOffset += line.random(-4_000_000...4_000_000)
        case .slowClock:
            redis.clockOffset += line.random(-2_000_000...500_000)
            redis.restart(with: .snapshot, after: pause)
        case .deafness: line.pick(daemons)?.ear.cut(noticedAfter: line.random(0...1_500_000))
        case .damage: redis.damageEntry()
        case .loseGate: line.pick(partitioning.all).map(loseGate)
        }
    }
}
