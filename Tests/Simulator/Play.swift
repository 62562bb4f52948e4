/// One play: a few daemons, Redis, PostgreSQL, users and admins, a time with faults, and a time to recover.
import CouponCore
import Logging
import CoreTestKit

final class Play {
    let seed: UInt64
    let line: Timeline
    let baton: Baton
    /// The weights now: none in the first third of the faults, so that a large state can grow.
    var weights: Weights { line.now < troubleEnds / 3 ? drawnWeights.light : drawnWeights }
    let drawnWeights: Weights
    let partitioning: Partitioning
    let coupons: [CouponID]
    let users: [UserID]
    let poisoned: Set<UserID>
    let requestsPerTransaction: Int
    var faults = Faults.none
    private(set) var daemons: [Daemon] = []
    /// The servers of Redis: one list of them for each master.
    private(set) lazy var shards = (0..<(spread?.masters ?? 1)).map {
        RedisNodes(self, kind, index: $0, data: ModelRedis(partitioning: partitioning))
    }
    /// Which master has each partition, and what that was before.
    lazy var homes = partitioning.all.map { $0.rawValue % (spread?.masters ?? 1) }
    lazy var layouts = [homes]
    private(set) lazy var numbers = RedisNumbers(term: UInt64(spread?.masters ?? 1) - 1)
    let kind: RedisNodes.Kind
    /// What a play with several masters has.
    private let spread: Spread?
    var isSpread: Bool { spread != nil }
    /// The first, and usually only, list of servers, and its rightful master.
    var nodes: RedisNodes { shards[0] }
    var redis: RedisServer { nodes.current.server }
    private(set) lazy var postgres = PostgresServer(
        self, tables: ModelTables(partitioning: partitioning, installID: "install"))
    private(set) lazy var witness = Witness(self)
    private(set) lazy var liveness = Liveness(self)
    /// What goes wrong in place of lost gates; nil if gates are lost, or if the play has no weights.
    private(set) lazy var exchanged = drawExchanged()
    /// What hits rebuilds after the faults.
    private(set) lazy var unrest = drawUnrest()
    /// Whether the next call of a rebuild is lost.
    var losesCallOfRebuild = false
    /// Refuses one partition's batches for a while.
    private(set) lazy var outage = drawOutage()
    private(set) lazy var clients = Clients(self)
    private(set) lazy var logger: Logger = makeLogger()
    /// Schedulers that sleep in Redis until an entry comes.
    var blocked: [Fiber] = []
    /// When the faults end.
    let troubleEnds: Int64
    private static let origin: Int64 = 1_750_000_000_000_000
    /// Whether some plays have weights.
    static let drawsWeights = true
    /// How many of a thousand plays have weights.
    static let weighted = drawsWeights ? 200 : 0

    /// Issuing lanes of each daemon. With several the first lends what has a backlog, also without a reason.
    let lanes: Int
    /// Whether it has many users and many requests.
    private let isBusy: Bool

    /// Whether it has more partitions, which lose their gates at the same time.
    let losesAllGates: Bool

    /// Whether coupons with issues take requests before these are loaded (rule 53).
    private let loadsIssuesLater: Bool

    /// - Parameters:
    ///   - weighted: how many of a thousand seeds have weights.
    ///   - failovers: how many have several Redis servers.
    ///   - masters: how many have several masters at once.
    init(seed: UInt64, isRecording: Bool, weighted: Int, failovers: Int, masters: Int) {
        self.seed = seed
        spread = Spread(seed: seed, share: masters)
        kind = spread == nil ? RedisNodes.kind(seed: seed, share: failovers) : .cluster
        // Lanes are drawn from their own random numbers, so plays with one lane stay the same.
        var lanes = SplitMix64(seed: seed ^ 0x1A9E5)
        self.lanes = Int.random(in: 0...9, using: &lanes) < 3 ? 2 : 1
        var fillings = SplitMix64(seed: seed ^ 0xF111)
        loadsIssuesLater = Bool.random(using: &fillings)
        drawnWeights = Weights(seed: seed, share: spread == nil ? weighted : 0)
        let isLarge = drawnWeights.isDrawn
        // Between a promotion and its notice there is little time: it needs many requests.
        isBusy = isLarge || kind != .single
        line = Timeline(seed: seed, isRecording: isRecording)
        baton = Baton(line)
        let partitions = line.chance(isLarge ? 500 : 700) ? 1 : 2
        var many = SplitMix64(seed: seed ^ 0x4A11)
        losesAllGates = isLarge && Int.random(in: 0...9, using: &many) < 2
        partitioning = Partitioning(
            count: spread?.partitions ?? (losesAllGates ? 4 : partitions))
        let few = line.random(1...3)
        coupons = (1...(spread?.coupons ?? few)).map { CouponID(Int64($0)) }
        users = (1...line.random(isBusy ? 6...20 : 2...6)).map { UserID(Int64($0)) }
        poisoned = line.chance(150) ? [users[0]] : []
        requestsPerTransaction = isLarge ? drawnWeights.page : line.chance(300) ? 2 : 5_000
        troubleEnds =
            isBusy ? line.random(3_000_000...8_000_000) : line.random(1_500_000...4_500_000)
    }

    /// The sizes of slices. A play's states are small, so its slices are smaller.
    var slices: Slices {
        var slices = Slices()
        if loadsIssuesLater { slices.issuesLoadedLater = 1 }
        if drawnWeights.isDrawn {
            (slices.holders, slices.holdersOfLoad) = (drawnWeights.page, drawnWeights.page)
            (slices.coupons, slices.entries) = (drawnWeights.page, drawnWeights.page)
            slices.requests = drawnWeights.page
            slices.couponsBesideOthers = drawnWeights.page
        }
        return slices
    }

    /// Runs the play to its end.
    /// - Returns: the breach, if there was one.
    func run() -> Breach? {
        setUp()
        baton.run()
        for daemon in daemons { daemon.crash() }
        if witness.breach == nil, !isFinished {
            witness.fail("the play stopped")
        }
        // Breaks reference cycles, because there may be a million plays.
        line.clear()
        for daemon in daemons { daemon.release() }
        daemons.removeAll()
        return witness.breach
    }

    /// Whether PostgreSQL has a synchronous standby. This is drawn from its own random numbers.
    private(set) lazy var hasStandby: Bool = {
        var random = SplitMix64(seed: seed ^ 0x57B0C)
        random = SplitMix64(seed: random.next() ^ seed)
        return Int.random(in: 0...999, using: &random) < 100
    }()

    private(set) var isFinished = false
    /// Whether all coupons were created.
    private(set) var isSetUp = false

    private func setUp() {
        for id in coupons {
            let now = wall(offset: 0)
            let opens = line.chance(850) ? -3_600_000 : line.random(0...2_000)
            let closes = line.chance(850) ? 3_600_000 : line.random(2_500...5_000)
            let old = weights.isDrawn ? line.random(0...20) : 0
            let most: Int64 = isBusy ? 20 : 4
            let coupon = Coupon(
                id: id, title: "c", total: line.chance(900) ? old + line.random(1...most) : nil,
                window: Window(
                    opens: now.advanced(byMilliseconds: opens),
                    closes: now.advanced(byMilliseconds: closes)))
            postgres.commit { $0.coupons[id] = coupon }
            issueBeforehand(id, old)
        }
        let retention = line.chance(400) ? line.random(50...1_500) : 0
        for shard in shards { shard.current.server.configure(retention: retention) }
        postgres.takeSnapshot()
        for shard in shards { shard.current.server.takeSnapshot() }
        for _ in 1...line.random(1...3) { startDaemon() }
        faults = Faults(line)
        // By its locks PostgreSQL has one owner, and a new one waits for the standby.
        if hasStandby { faults.twoOwners = 0 }
        if kind != .single { faults.oldMap = line.chance(600) ? line.draw(1...500) : 0 }
        planDisasters()
        planWishes()
        if !hasStandby {
            planAdmins()
            planEndsOfCoupons()
        }
        isSetUp = true
        line.at(troubleEnds) { [self] in heal() }
    }

    private func planWishes() {
        for _ in 0..<line.random(isBusy ? 30...90 : 4...24) {
            let coupon = coupons[line.draw(0...coupons.count - 1)]
            let user = users[line.draw(0...users.count - 1)]
            line.at(line.random(50_000...(outage?.ends ?? troubleEnds))) { [self] in
                clients.wish(for: coupon, by: user)
            }
        }
    }

    func startDaemon() {
        let daemon = Daemon(self, "d\(daemons.count + 1)")
        daemons.append(daemon)
        line.note(daemon.name, "starts")
        daemon.start()
    }

    // MARK: The end

    /// Ends the faults. Then every user asks until there is an outcome.
    private func heal() {
        line.note(
            "play",
            "heals, \(queuedRequests) requests are queued; to move everything once takes "
                + "\(work / 1_000) ms")
        faults = .none
        for shard in shards { shard.heal() }
        cutOneDaemonOff()
        postgres.isStandbyAway = false
        // A second owner would stay one, and other daemons would own no partition.
        postgres.endAllSessions()
        if !daemons.contains(where: \.isAlive) { startDaemon() }
        liveness.begin()
        disturbRebuilds()
        line.after(500_000) { [self] in
            expect({ self.whyGatesAreNotQuiet }) { [self] in
                // By then every daemon has read the epochs, which it does each second.
                line.after(1_500_000) { [self] in
                    for coupon in coupons {
                        for user in users { clients.wish(for: coupon, by: user, last: true) }
                    }
                    expect({ self.whyNotQuiet }, then: rest)
                }
            }
        }
    }

    /// With weights: lets the quiet play go on for a while, so that needless work shows.
    private func rest() {
        guard weights.isDrawn else { return finish() }
        line.after(12_000_000) { [self] in expect({ self.whyNotQuiet }, then: finish) }
    }

    /// Waits until `reason` returns nil.
    private func expect(_ reason: @escaping () -> String?, then: @escaping () -> Void) {
        guard let text = reason() else { return then() }
        liveness.look(stillToCome: text)
        line.after(250_000) { [self] in expect(reason, then: then) }
    }

    private func finish() {
        isFinished = true
        liveness.lookAtEpochs()
        witness.expectAllDecided()
        witness.expectNoBacklog()
        expectNoRemainder()
        baton.end()
    }

    /// Why the play is not quiet; nil if it is.
    private var whyNotQuiet: String? {
        if let wish = clients.wishes.first(where: { $0.isLast && $0.end == nil }) {
            return "u\(wish.user.rawValue) still asks for coupon \(wish.coupon.rawValue)"
        }
        if let attempt = clients.unanswered.first {
            return "u\(attempt.wish.user.rawValue) is not answered"
        }
        return whyGatesAreNotQuiet
    }

    private var whyGatesAreNotQuiet: String? {
        if !postgres.tables.notes.isEmpty { return "a change is not confirmed by its gate" }
        if !postgres.tables.unsyncedLetters.isEmpty { return "a gate lacks a decision on a letter" }
        for daemon in daemons where daemon.isAlive {
            if daemon.stalledUntil > line.now { return "\(daemon.name) is stopped" }
            if daemon.changes > 0 { return "\(daemon.name) is changing a coupon" }
        }
        return partitioning.all.lazy.compactMap(whyNotQuiet).first
    }

    private func whyNotQuiet(_ partition: PartitionID) -> String? {
        let (row, view) = look(at: partition)
        let identity = redis(of: partition).identity
        if let reason = RebuildReason(row: row, gate: view, identity: identity) {
            return "partition \(partition.rawValue): \(reason.rawValue)"
        }
        if !view.items.isEmpty || view.settled != row.cursor || row.cursor.epoch < row.epoch {
            return "partition \(partition.rawValue) is not drained"
        }
        return nil
    }

    private func look(at partition: PartitionID) -> (PartitionRow, GateView) {
        let row = postgres.tables[partition]
        let redis = redis(of: partition)
        var data = redis.data
        let view = data.read(
            partition, after: row.cursor, upTo: nil, maximumRequests: .max, now: redis.now)
        return (row, view)
    }

    /// Whether the gate is open and has entries to drain.
    func mayDrain(_ partition: PartitionID) -> Bool {
        let (row, view) = look(at: partition)
        return !view.items.isEmpty
            && RebuildReason(row: row, gate: view, identity: redis(of: partition).identity) == nil
    }

    /// No user who got SOLD_OUT at the end could have got a coupon.
    private func expectNoRemainder() {
        for wish in clients.wishes where wish.isLast && wish.end == .soldOut {
            guard let coupon = postgres.tables.coupons[wish.coupon], let left = coupon.remaining
            else { continue }
            if isLostChangeAtGate(coupon) { continue }
            if left > postgres.tables.deadLetters(of: wish.coupon), coupon.state == .active {
                witness.fail(
                    "no rest: u\(wish.user.rawValue) got SOLD_OUT, but \(left) are left")
            }
        }
    }

    /// A change that PostgreSQL has lost, or its cap, stays at the gate until a later version comes, because
    /// the next change may have the same version. The auditor repairs that, but plays have no auditor.
    private func isLostChangeAtGate(_ coupon: Coupon) -> Bool {
        let key = partitioning.partition(of: coupon.id)
        let atGate = redis(of: key).data[key][postgres.tables[key].epoch, coupon.id]
        return witness.didPostgresGoBack && atGate.map { $0.limit != coupon.total ?? .max } ?? false
    }

    // MARK: Time

    /// A wall clock's reading.
    func wall(offset: Int64) -> Timestamp {
        Timestamp(microseconds: Self.origin + line.now + offset)
    }

    func chance(_ permille: Int) -> Bool { permille > 0 && line.chance(permille) }

    /// Makes a fiber wait.
    func sleep(_ fiber: Fiber, _ delay: Int64) {
        guard !fiber.isDead else { return }
        line.at(line.now + max(0, delay), resume: fiber)
        baton.park(fiber)
    }

    /// New entries wake the schedulers that wait for them.
    func wakeBlocked() {
        let fibers = blocked
        blocked.removeAll()
        for fiber in fibers where !fiber.isDead {
            line.at(line.now + line.random(20...300), resume: fiber)
        }
    }

    /// Redis is gone: each connection to this process breaks after a delay of its own.
    func cutOff(from process: Int) {
        for daemon in daemons where daemon.isAlive { daemon.cutOff(from: process) }
    }

    private func makeLogger() -> Logger {
        guard line.isRecording else { return Logger(label: "s") { _ in SwiftLogNoOpLogHandler() } }
        let line = Unchecked(line)
        return Logger(label: "scheduler") { _ in HistoryLogHandler(line: line) }
    }
}

/// Writes the scheduler's log into the history.
private struct HistoryLogHandler: LogHandler {
    let line: Unchecked<Timeline>
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.debug

    init(line: Unchecked<Timeline>) { self.line = line }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let details = (event.metadata ?? [:]).map { "\($0.key)=\($0.value)" }.sorted()
        line.value.append("log", "\(event.message) \(details.joined(separator: " "))")
    }
}
