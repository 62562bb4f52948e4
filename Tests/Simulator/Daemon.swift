/// One coupond: real workers, a real keeper, a real scheduler, around simulated ports.
import CouponCore
import CouponScheduler
import CoreTestKit
import Logging

final class Daemon {
    let play: Play
    let name: String
    private(set) var isAlive = true
    /// The end of its last SIGSTOP.
    var stalledUntil: Int64 = 0
    /// How many microseconds its wall clock is ahead.
    var wallOffset: Int64
    private(set) var loops: [SimulatedLoop] = []
    /// One, or one for each master of a play with several.
    private(set) lazy var subscriptions = makeSubscriptions()
    /// When the last signal of a subscription reaches the event loops.
    var lastSignal: Int64 = 0
    private var schedulers: [Fiber] = []
    private var lane: Fiber?
    private var sessions: [SimulatedSession] = []
    private var store: SimulatedStore?
    private var letters: DeadLetterKeeper?
    private var jobs: [(CouponKeeper) -> Void] = []
    private var loads: [(coupon: CouponID, report: (LoadOutcome) -> Void)] = []
    private var isRefreshWaiting = false
    /// Running changes of admins.
    var changes = 0
    /// The servers that it believes to be masters, and which of them it believes to have each partition. It
    /// may be wrong.
    private(set) var maps: [RedisNodes.Place]
    private(set) var homes: [Int]
    private var isMapAsked = false

    init(_ play: Play, _ name: String) {
        self.play = play
        self.name = name
        maps = play.shards.map(\.current)
        homes = play.homes
        wallOffset = play.chance(200) ? play.line.random(-3_000_000...3_000_000) : 0
    }

    func start() {
        for number in 1...play.line.draw(1...2) { loops.append(SimulatedLoop(self, number)) }
        let lending = Lending(lanes: play.lanes)
        for number in 0..<play.lanes { startScheduler(number, lending) }
        startLane()
        for subscription in subscriptions { subscription.connect() }
        poll()
    }

    // MARK: Time

    func clocks(_ fiber: Fiber?) -> Clocks {
        let daemon = Unchecked(self)
        let fiber = Unchecked(fiber)
        return Clocks(
            now: { daemon.value.monotonic(fiber.value) },
            wallNow: { daemon.value.play.wall(offset: daemon.value.wallOffset) },
            pause: { milliseconds in
                guard let fiber = fiber.value else { return }
                daemon.value.play.sleep(fiber, Int64(milliseconds) * 1_000)
            })
    }

    /// For a dead fiber all deadlines have passed.
    private func monotonic(_ fiber: Fiber?) -> MonotonicTime {
        MonotonicTime(nanoseconds: fiber?.isDead == true ? 1 << 60 : play.line.now * 1_000)
    }

    /// Runs `body` if the daemon is alive; if it is stopped, as soon as it goes on.
    func arrive(_ body: @escaping () -> Void) {
        guard isAlive else { return }
        if stalledUntil > play.line.now {
            play.line.at(stalledUntil) { [self] in arrive(body) }
        } else {
            body()
        }
    }

    func after(_ delay: Int64, _ body: @escaping () -> Void) {
        play.line.after(delay) { [self] in arrive(body) }
    }

    // MARK: Threads

    /// - Parameter number: of the issuing lane.
    private func startScheduler(_ number: Int, _ lending: Lending) {
        let fiber = Fiber("\(name).scheduler\(number == 0 ? "" : "\(number)")", of: self)
        schedulers.append(fiber)
        let ledger = SimulatedLedger(play, fiber)
        sessions.append(ledger.session)
        let gates = SimulatedControl(play, fiber) { () throws(BackendError) in
            if ledger.isConnected { try ledger.ping() }
        }
        var options = SchedulerOptions(
            partitioning: play.partitioning,
            requestsPerTransaction: play.requestsPerTransaction,
            seed: play.line.bits(), clocks: clocks(fiber))
        options.slices = play.slices
        (options.lane, options.lending) = (number, lending)
        options.lendsEagerly = true
        play.baton.start(fiber) { [play] in
            let scheduler = Scheduler(
                ledger: ledger, gates: gates, options: options, logger: play.logger)
            while !fiber.isDead { scheduler.turn() }
        }
    }

    private func startLane() {
        let fiber = Fiber("\(name).lane", of: self)
        lane = fiber
        let store = SimulatedStore(play, fiber)
        sessions.append(store.session)
        self.store = store
        let gates = SimulatedControl(play, fiber)
        let forget = { [unowned self] (coupon: CouponID) in
            eachLoop { $0.worker.forget(coupon) }
        }
        let keeper = CouponKeeper(
            store: store, gates: gates, partitioning: play.partitioning, slices: play.slices,
            clocks: clocks(fiber), forget: forget
        ) { _ in
        }
        letters = DeadLetterKeeper(
            store: store, gates: gates, clocks: clocks(fiber), forget: forget)
        play.baton.start(fiber) { [self] in
            while !fiber.isDead {
                if jobs.isEmpty {
                    play.baton.park(fiber)
                } else {
                    jobs.removeFirst()(keeper)
                }
            }
        }
    }

    /// Queues a job of the lane.
    func submit(_ job: @escaping (CouponKeeper) -> Void) {
        jobs.append(job)
        if let lane, jobs.count == 1 { play.line.at(play.line.now + 10, resume: lane) }
    }

    /// The loads that are asked for before the lane's turn begin together.
    func load(_ coupon: CouponID, then report: @escaping (LoadOutcome) -> Void) {
        loads.append((coupon, report))
        guard loads.count == 1 else { return }
        submit { [unowned self] keeper in
            let begun = loads
            loads = []
            let number = play.line.bits() | 1
            let outcomes = keeper.load(begun.map(\.coupon), number: number)
            for (coupon, report) in begun {
                if let outcome = outcomes[coupon] {
                    after(20) { report(outcome) }
                } else {
                    step(CouponLoad(of: coupon, number: number), then: report)
                }
            }
        }
    }

    /// A load of many holders runs in steps, and other jobs of the lane run between them.
    private func step(_ load: CouponLoad, then report: @escaping (LoadOutcome) -> Void) {
        submit { [unowned self] keeper in
            var load = load
            switch load.advance(keeper) {
            case .moved: step(load, then: report)
            case .opened:
                after(20) { report(.loaded) }
                step(load, then: report)
            case .wait: after(50_000) { [self] in step(load, then: report) }
            case .done(let outcome): after(20) { report(outcome) }
            }
        }
    }

    /// An admin's decision on a letter.
    func decide(_ letter: Int64, _ state: DeadLetter.State) {
        changes += 1
        submit { [unowned self] keeper in
            defer { changes -= 1 }
            let result = Result { () throws(BackendError) in
                try letters?.decide(letter, state, by: .sample)
            }
            guard isAlive else { return }
            play.line.note(name, "answers the admin about letter \(letter): \(result)")
        }
    }

    func coupons(_ ids: [CouponID]) throws(BackendError) -> [Coupon] {
        guard let store else { return [] }
        return try store.coupons(ids)
    }

    func standings(of users: [CouponUser]) throws(BackendError) -> [UserStanding?] {
        guard let store else { return [] }
        return try store.standings(of: users)
    }

    // MARK: Event loops

    /// Runs `body` on every loop, after a delay of its own.
    func eachLoop(_ body: @escaping (SimulatedLoop) -> Void) {
        guard isAlive else { return }
        for loop in loops { after(play.line.random(5...300)) { loop.turn { body(loop) } } }
    }

    func refreshPartitions() {
        guard !isRefreshWaiting else { return }
        isRefreshWaiting = true
        submit { [unowned self] _ in
            isRefreshWaiting = false
            let rows = try? store?.partitions()
            eachLoop { $0.worker.apply(rows: rows) }
        }
    }

    /// Each second: refreshes the partitions, and does the resync.
    private func poll() {
        refreshPartitions()
        submit { [unowned self] keeper in
            keeper.resync()
            letters?.resync()
        }
        refreshMap()
        after(1_000_000) { [self] in poll() }
    }

    /// Asks some server for the map: each second, and after whatever breaks.
    func refreshMap() {
        guard play.kind != .single, isAlive, !isMapAsked else { return }
        isMapAsked = true
        after(50_000 + play.line.delay()) { [self] in
            isMapAsked = false
            let hasMoved = readMap()
            let hasChanged = play.isSpread && readHomes()
            guard hasMoved || hasChanged else { return }
            for subscription in subscriptions { subscription.dropMoved() }
            for subscription in subscriptions { subscription.follow() }
            for loop in loops { loop.follow() }
        }
    }

    /// - Returns: whether another server is a master now.
    private func readMap() -> Bool {
        var hasMoved = false
        for shard in play.shards {
            guard let answer = shard.answer(to: self) else { continue }
            let isOther = answer.server !== maps[shard.index].server
            maps[shard.index] = answer
            guard isOther else { continue }
            hasMoved = true
            play.line.note(name, "its map names node \(answer.server.number), term \(answer.term)")
        }
        return hasMoved
    }

    /// - Returns: whether another master has a partition now.
    private func readHomes() -> Bool {
        let isOld = play.chance(play.faults.oldMap)
        guard let now = isOld ? play.line.pick(play.layouts) : play.homes, now != homes else {
            return false
        }
        homes = now
        play.line.note(name, "its map has the partitions at \(now)")
        return true
    }

    /// Where it believes a partition to be.
    func place(of partition: PartitionID) -> RedisNodes.Place { maps[homes[partition.rawValue]] }

    // MARK: Connections

    private func makeSubscriptions() -> [SimulatedSubscription] {
        play.isSpread
            ? play.shards.map { SimulatedSubscription(self, of: $0.index) }
            : [SimulatedSubscription(self, of: nil)]
    }

    /// The subscription to a partition's events.
    func subscription(of partition: PartitionID) -> SimulatedSubscription {
        subscriptions[play.isSpread ? homes[partition.rawValue] : 0]
    }

    /// One that a fault hits.
    var anySubscription: SimulatedSubscription {
        (play.isSpread ? play.line.pick(subscriptions) : nil) ?? subscriptions[0]
    }

    /// Whether signals are on their way to the event loops.
    var hasSignals: Bool { subscriptions.contains { $0.inFlight > 0 } }

    /// Redis publishes an event.
    func publish(_ event: CompletionEvent, by process: Int) {
        for subscription in subscriptions { subscription.publish(event, by: process) }
    }

    /// A server has given a partition away.
    func lose(_ partition: PartitionID, at process: Int) {
        for subscription in subscriptions { subscription.lose(partition, at: process) }
    }

    /// Its connections to a process of Redis break, each after a delay of its own.
    func cutOff(from process: Int) {
        for subscription in subscriptions {
            subscription.cut(from: process, noticedAfter: play.line.random(0...800_000))
        }
        for loop in loops {
            after(play.line.random(0...800_000)) { loop.breakDown("Redis is gone", from: process) }
        }
    }

    /// kill -9.
    func crash() {
        guard isAlive else { return }
        play.line.note(name, "is killed")
        isAlive = false
        for scheduler in schedulers { play.baton.kill(scheduler) }
        if let lane { play.baton.kill(lane) }
        for session in sessions { session.abandon() }
        for loop in loops { loop.close() }
        jobs.removeAll()
    }

    /// After the play: breaks the reference cycles.
    func release() {
        loops.removeAll()
        sessions.removeAll()
        schedulers.removeAll()
        (lane, store, letters) = (nil, nil, nil)
    }
}

/// For closures that must be sendable. All code runs on the thread that has the baton.
struct Unchecked<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
