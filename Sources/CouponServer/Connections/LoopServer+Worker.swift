/// The worker's host: its answers go to the callers, and what only PostgreSQL knows comes from the lanes.
internal import CouponCore
internal import CouponWire
internal import NIOCore
internal import Synchronization

extension LoopServer {
    /// Runs something at the worker, and ends the turn.
    func withWorker(_ body: (Worker) -> Void) {
        guard let worker else { return }
        body(worker)
        endTurn()
    }

    func remembers(_ coupon: CouponID) -> (known: Bool, closed: Bool) {
        worker?.remembers(coupon) ?? (false, false)
    }

    var whyNotReady: String? {
        if isDraining { return Failure.drainReason }
        guard let reason = worker?.whyNotReady else { return environment.missingRights }
        guard let cause = environment.whyPartitionsWait, !cause.hasSuffix(reason) else {
            return reason
        }
        return "\(reason): \(cause)"
    }
}

extension LoopServer {
    /// The worker takes requests a little longer: of clients that are asked to leave.
    private var isDraining: Bool {
        loopServers.areDraining.load(ordering: .relaxed) || (worker?.isDraining ?? true)
    }

    var condition: LoopCondition {
        LoopCondition(
            partitionsOpen: worker?.partitionsOpen ?? 0, isDraining: isDraining,
            redis: worker?.whyNoGate, events: worker?.whyNoEvents, whyNotReady: whyNotReady)
    }
}

extension LoopServer: WorkerHost {
    func answer(_ caller: Caller, _ outcome: Outcome) {
        counts.count(outcome)
        if caller.isOfBatch { return gather(caller, .issue(outcome)) }
        if !traces.isEmpty { endTrace(of: caller, .issue(outcome)) }
        let connection = connections[caller.connection]
        if outcome == .notFound { countUnknownCoupon(connection) }
        connection?.answer(caller.request, outcome)
    }

    func fail(_ caller: Caller, _ failure: Failure) {
        counts.count(failure)
        if failure.code == .resourceExhausted { count(.queue, of: caller) }
        reply(caller, .failure(failure))
    }

    func lookUp(_ coupons: [CouponID]) {
        ask({ $0.lookUp(coupons) }, then: { $0.didLookUp($1) })
    }

    func recall(_ users: [CouponUser]) {
        ask({ $0.recall(users) }, then: { $0.didRecall($1) })
    }

    /// Asks PostgreSQL on the lane of lookups, and gives the worker its answer.
    private func ask<Answer: Sendable>(
        _ question: @escaping @Sendable (isolated BlockingLane) -> Result<Answer, Failure>,
        then apply: @escaping @Sendable (Worker, Result<Answer, Failure>) -> Void
    ) {
        let loopServer = NIOLoopBound(self, eventLoop: loop)
        work.lookups.submit { lane in
            let result = question(lane)
            loopServer.eventLoop.execute { loopServer.value.withWorker { apply($0, result) } }
        } refused: { failure in
            loop.execute { loopServer.value.withWorker { apply($0, .failure(failure)) } }
        }
    }

    func load(_ coupon: CouponID) {
        let loopServer = NIOLoopBound(self, eventLoop: loop)
        work.loads.submit { lane in
            lane.load(coupon) { outcome in
                loopServer.eventLoop.execute {
                    loopServer.value.withWorker { $0.didLoad(coupon, outcome) }
                }
            }
        } refused: { failure in
            worker?.didLoad(coupon, .failed(failure))
        }
    }

    func refreshPartitions() { work.news.refreshPartitions() }

    func decide(_ questions: [AcceptedRequest], in partition: PartitionID) {
        let loopServer = NIOLoopBound(self, eventLoop: loop)
        work.news.submit { lane in
            let decisions = lane.keeper.decisions(questions, in: partition)
            loopServer.eventLoop.execute {
                loopServer.value.withWorker { $0.didDecide(decisions, in: partition) }
            }
        } refused: { _ in
            worker?.didDecide(nil, in: partition)
        }
    }
}
