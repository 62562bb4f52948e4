/// What may go wrong in a play. Each seed draws its own rates and disasters: some plays have one kind of
/// fault, and others have many.
import CouponCore

/// Rates per thousand.
struct Faults {
    /// Gate calls during which the connection breaks.
    var gate = 0
    /// Gate calls whose answer is so late that events overtake it.
    var lateAnswer = 0
    /// Scripts that Redis refuses, or answers with nonsense.
    var script = 0
    /// Failed calls of a `GateControl`.
    var control = 0
    /// Failed statements.
    var postgres = 0
    /// Commits whose outcome is unknown.
    var commit = 0
    /// Events at which the subscription breaks unnoticed, and events that come twice.
    var event = 0
    /// Subscriptions that fail.
    var subscription = 0
    /// Lost requests and lost answers.
    var message = 0
    /// Claims that succeed although another session is the owner.
    var twoOwners = 0
    /// Maps of daemons that are older than what they knew, in plays with several Redis servers.
    var oldMap = 0

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
        subscription = rate(300)
        message = rate(100)
        twoOwners = rate(500)
        lateAnswer = rate(200)
    }
}

/// Rare faults of a whole daemon or server.
enum Disaster: CaseIterable {
    case crash, crashNew, stall, flush, redisData, redisNothing, redisSnapshot, rollBackInPlace
    case postgresDown, postgresBack, endSession, clockJump, slowClock, brokenSubscription, damage,
        loseGate, foreignEntry, freeze

    /// The disasters that every play may have.
    static let common = allCases.filter { ![.loseGate, .foreignEntry, .freeze].contains($0) }

    /// Whether Redis' data is lost or goes back.
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
            kinds.removeAll { $0 == .damage || $0 == .postgresBack }
            planLargeState()
            planDamage()
            if exchanged == .postgresBack { kinds.append(.postgresBack) }
        }
        // If both lose data, an epoch may be given twice: docs/GUARANTEES.md excludes that.
        if kind != .single || hasStandby { kinds.removeAll { $0 == .postgresBack } }
        if kinds.contains(.postgresBack) { kinds.removeAll(where: \.losesRedis) }
        for kind in kinds {
            for _ in 1...line.random(1...2) {
                line.at(line.random(200_000...troubleEnds)) { [self] in bring(kind) }
            }
        }
        for _ in 1...3 {
            line.at(line.random(100_000...troubleEnds)) { [self] in
                for shard in shards { shard.current.server.takeSnapshot() }
                postgres.takeSnapshot()
            }
        }
        planForeignEntries()
        planFreezes()
        // A decision that PostgreSQL loses stays at the gate, until an auditor sees it.
        if !kinds.contains(.postgresBack), !hasStandby { planLetters() }
        planStandby()
        for shard in shards { shard.planFailovers() }
        planMoves()
    }

    /// Another program adds entries with ids that cannot come from a gate, often during a rebuild. It draws
    /// from random numbers of its own, so that a play without such entries is the same as before.
    private func planForeignEntries() {
        var random = SplitMix64(seed: seed ^ 0xF0E16)
        guard Int.random(in: 0...999, using: &random) < 150 else { return }
        for _ in 1...Int.random(in: 1...4, using: &random) {
            let isLate = Bool.random(using: &random)
            let first = isLate ? troubleEnds - 400_000 : 200_000
            line.at(Int64.random(in: first..<troubleEnds, using: &random)) { [self] in
                bring(.foreignEntry)
            }
        }
    }

    /// The single Redis, or one of several masters, stands still for a while. This is drawn from its own
    /// random numbers, as above.
    private func planFreezes() {
        var random = SplitMix64(seed: seed ^ 0xF4EE2E)
        guard kind == .single || isSpread, Int.random(in: 0...999, using: &random) < 150 else {
            return
        }
        for _ in 1...Int.random(in: 1...2, using: &random) {
            line.at(Int64.random(in: 200_000..<troubleEnds, using: &random)) { [self] in
                bring(.freeze)
            }
        }
    }

    /// When all other faults have ended, one of several daemons does not reach a master for a while, often to
    /// the end: others take over what it owns there (rule 56). This is drawn from its own random numbers.
    func cutOneDaemonOff() {
        var random = SplitMix64(seed: seed ^ 0x56C07)
        random = SplitMix64(seed: random.next() ^ seed)
        let alive = daemons.filter(\.isAlive)
        guard Int.random(in: 0...999, using: &random) < 300, alive.count > 1,
            let daemon = alive.randomElement(using: &random),
            let shard = shards.randomElement(using: &random)
        else { return }
        let time = Int64.random(in: 8_000_000...80_000_000, using: &random)
        shard.cut(daemon, shard.current.server, for: time)
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
        case .flush: hit.flush()
        case .redisData: hit.restart(with: .data, after: pause)
        case .redisNothing: hit.restart(with: .nothing, after: pause)
        case .redisSnapshot: hit.restart(with: .snapshot, after: pause)
        case .rollBackInPlace: hit.rollBackInPlace()
        case .postgresDown: postgres.restart(after: pause)
        case .postgresBack:
            postgres.restart(after: pause)
            postgres.rollBack()
        case .endSession: postgres.endOneSession()
        case .clockJump:
            line.pick(daemons)?.wallOffset += line.random(-4_000_000...4_000_000)
        case .slowClock:
            let slow = hit
            slow.clockOffset += line.random(-2_000_000...500_000)
            slow.restart(with: .snapshot, after: pause)
        case .brokenSubscription:
            line.pick(daemons)?.anySubscription.cut(noticedAfter: line.random(0...1_500_000))
        case .damage: hit.damageEntry()
        case .loseGate: line.pick(partitioning.all).map(loseGate)
        case .freeze:
            let frozen = hit
            frozen.freeze()
            line.after(pause) { frozen.thaw() }
        case .foreignEntry:
            line.pick(partitioning.all).map { redis(of: $0).addForeignEntry($0) }
        }
    }
}
