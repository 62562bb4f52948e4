/// A worker with its gates, on an event loop of its own.
import CouponCore

/// One worker with its host.
final class SimulatedLoop: WorkerHost {
    unowned let daemon: Daemon
    let name: String
    /// One, or one for each node that served a partition.
    private var gates: [SimulatedGate]
    private var theWorker: Worker?
    private var isPumpScheduled = false
    private var isTurnEnding = false
    private var isExpiryScheduled = false
    private let play: Play

    init(_ daemon: Daemon, _ number: Int) {
        self.daemon = daemon
        play = daemon.play
        name = "\(daemon.name).\(number)"
        gates = play.isSpread ? [] : [SimulatedGate(daemon)]
        let first = routes
        let worker = Worker(
            routes: first, host: self,
            options: WorkerOptions(
                partitioning: play.partitioning, seed: play.line.bits(),
                clocks: daemon.clocks(nil)))
        theWorker = worker
        for gate in gates { gate.delegate = worker }
    }

    // MARK: Gates

    /// By the daemon's map.
    private var routes: GateRoutes {
        let places = play.partitioning.all.map { partition in
            play.isSpread ? place(of: daemon.place(of: partition).server) : 0
        }
        return GateRoutes(ways: gates.map { GateRoutes.Way(gate: $0) }, places: places)
    }

    private func place(of server: RedisServer) -> Int {
        if let known = gates.firstIndex(where: { $0.node === server }) { return known }
        let gate = SimulatedGate(daemon, at: server)
        gate.delegate = theWorker
        gates.append(gate)
        return gates.count - 1
    }

    /// The daemon's map has changed: its gates are other nodes, or its only gate is another server.
    func follow() {
        guard play.isSpread else {
            for gate in gates { gate.follow() }
            return
        }
        turn { worker.use(routes) }
    }

    /// The gate that reaches a server; nil if none was ever made.
    func gate(at server: RedisServer) -> SimulatedGate? {
        gates.first { $0.node === server }
    }

    /// Connections to a process of Redis break.
    func breakDown(_ reason: String, from process: Int) {
        for gate in gates { gate.breakDown(reason, from: process) }
    }

    func close() { for gate in gates { gate.close() } }

    // MARK: Turns

    var worker: Worker {
        guard let theWorker else { preconditionFailure("a loop has a worker") }
        return theWorker
    }

    /// One turn of the event loop: input, then one pump.
    func turn(_ body: () -> Void) {
        body()
        endTurn()
    }

    private func endTurn() {
        guard !isTurnEnding else { return }
        isTurnEnding = true
        daemon.after(play.line.random(0...60)) { [self] in
            isTurnEnding = false
            if isPumpScheduled {
                isPumpScheduled = false
                worker.pump()
            }
            scheduleExpiry()
        }
    }

    private func scheduleExpiry() {
        guard !isExpiryScheduled, worker.requestsInFlight > 0 else { return }
        isExpiryScheduled = true
        daemon.after(8_000) { [self] in
            isExpiryScheduled = false
            worker.expire()
            endTurn()
        }
    }

    func answer(_ caller: Caller, _ outcome: Outcome) {
        play.clients.didAnswer(caller.request, .success(outcome), from: self)
    }

    func fail(_ caller: Caller, _ failure: Failure) {
        play.clients.didAnswer(caller.request, .failure(failure), from: self)
    }

    func schedulePump() {
        isPumpScheduled = true
        endTurn()
    }

    func lookUp(_ coupons: [CouponID]) {
        daemon.submit { [unowned self] keeper in
            let found = (try? daemon.coupons(coupons)).map { coupons in
                Dictionary(coupons.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
            }
            daemon.after(20) { [self] in
                turn {
                    worker.didLookUp(
                        found.map { .success($0) } ?? .failure(.unavailable("PostgreSQL")))
                }
            }
        }
    }

    func recall(_ users: [CouponUser]) {
        daemon.submit { [unowned self] _ in
            let standings = try? daemon.standings(of: users)
            daemon.after(20) { [self] in
                turn {
                    worker.didRecall(
                        standings.map { .success($0) } ?? .failure(.unavailable("PostgreSQL")))
                }
            }
        }
    }

    func load(_ coupon: CouponID) {
        daemon.load(coupon) { [unowned self] outcome in
            turn { worker.didLoad(coupon, outcome) }
        }
    }

    func refreshPartitions() { daemon.refreshPartitions() }

    func decide(_ questions: [AcceptedRequest], in partition: PartitionID) {
        daemon.submit { [unowned self] keeper in
            let decisions = keeper.decisions(questions, in: partition)
            daemon.after(20) { [self] in turn { worker.didDecide(decisions, in: partition) } }
        }
    }
}
