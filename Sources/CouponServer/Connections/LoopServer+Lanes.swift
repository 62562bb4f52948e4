/// The work that an event loop sends to lanes because it may block: slow methods, and what its worker needs
/// from PostgreSQL. Each result comes back to the loop.
internal import CouponCore
internal import CouponWire
internal import NIOCore

extension LoopServer {
    /// Sends a slow method to its lane.
    /// - Parameter ended: called once, on this loop.
    func submit(
        _ method: Request.Method, deadline: MonotonicTime, to presence: CallerPresence,
        _ ended: @escaping @Sendable (LoopServer, Response.Result) -> Void
    ) {
        let loopServers = self.loopServers
        let loopServer = NIOLoopBound(self, eventLoop: loop)
        submit(to: work.lane(for: method)) { lane in
            lane.answer(method, deadline: deadline, to: presence) { result in
                loopServers.complete(result, on: loopServer.eventLoop) {
                    ended(loopServer.value, $0)
                }
            }
        } refused: {
            ended(self, .failure($0))
        }
    }

    /// Queues a status; it is looked up together with others.
    /// - Parameter number: of the pending call.
    func submit(
        _ question: StatusQuestion, deadline: MonotonicTime, _ number: UInt64, of caller: Caller,
        _ presence: CallerPresence
    ) {
        let call = StatusCall(
            question: question, deadline: deadline, presence: presence,
            loopServer: NIOLoopBound(self, eventLoop: loop), number: number, caller: caller)
        guard !work.statuses.add(call) else { return }
        endStatuses([
            AnsweredStatus(
                number: number, caller: caller, result: .failure(Lane.statuses.exhausted))
        ])
    }

    private func submit(
        to lane: BlockingLane, _ job: @escaping BlockingLane.Job, refused: (Failure) -> Void
    ) {
        if !lane.submit(job) {
            refused(lane.kind.exhausted)
        }
    }
}

extension LoopServer: WorkerHost {
    func lookUp(_ coupons: [CouponID]) {
        let loopServer = NIOLoopBound(self, eventLoop: loop)
        submit(to: work.loads) { lane in
            let result = lane.lookUp(coupons)
            loopServer.eventLoop.execute { loopServer.value.withWorker { $0.didLookUp(result) } }
        } refused: { failure in
            loop.execute { loopServer.value.withWorker { $0.didLookUp(.failure(failure)) } }
        }
    }

    func recall(_ users: [CouponUser]) {
        let loopServer = NIOLoopBound(self, eventLoop: loop)
        submit(to: work.loads) { lane in
            let result = lane.recall(users)
            loopServer.eventLoop.execute { loopServer.value.withWorker { $0.didRecall(result) } }
        } refused: { failure in
            loop.execute { loopServer.value.withWorker { $0.didRecall(.failure(failure)) } }
        }
    }

    func load(_ coupon: CouponID) {
        let loopServer = NIOLoopBound(self, eventLoop: loop)
        submit(to: work.loads) { lane in
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
        submit(to: work.news) { lane in
            let decisions = lane.keeper.decisions(questions, in: partition)
            loopServer.eventLoop.execute {
                loopServer.value.withWorker { $0.didDecide(decisions, in: partition) }
            }
        } refused: { _ in
            worker?.didDecide(nil, in: partition)
        }
    }
}
