/// A batch of statuses: looked up together, and handed back to each event loop together.
internal import CouponCore
internal import CouponWire
internal import NIOCore

/// A status on its way back to its event loop.
struct AnsweredStatus: Sendable {
    let number: UInt64
    let caller: Caller
    let result: Response.Result
}

extension BlockingLane {
    /// Answers a batch, then the calls that arrived during it.
    /// - Parameter number: of this lane in the queue.
    func answerStatuses(of queue: StatusQueue, as number: Int) {
        let now = clocks.now()
        let (calls, isToLookAgain) = queue.next(
            for: number, limit: keeper.statusesAtOnce, now: now)
        if isToLookAgain { lookAgain(at: queue) }
        if calls.isEmpty { return }
        // Judged once: a caller may leave at any moment, and each call has one answer.
        var (due, others): ([StatusCall], [StatusCall]) = ([], [])
        for call in calls {
            if call.presence.isThere && now < call.deadline {
                due.append(call)
            } else {
                others.append(call)
            }
        }
        let statuses = keeper.statuses(due.map(\.question))
        deliver(zip(due, statuses).map { call, status in (call, Response.Result(status)) })
        // Their callers have left, or were answered at the deadline.
        deliver(
            others.map { ($0, .failure(Failure(.deadlineExceeded, "the deadline has passed"))) })
        goOn { $0.answerStatuses(of: queue, as: number) }
    }

    /// A few calls wait for the other lane, which may hang.
    private nonisolated func lookAgain(at queue: StatusQueue) {
        goOn(after: Limits.statusBatchMilliseconds) { lane in
            if queue.lookAgain(now: lane.clocks.now()) { lane.lookAgain(at: queue) }
        }
    }

    /// Hands answers to their event loops, all of a loop at once.
    private func deliver(_ answers: [(StatusCall, Response.Result)]) {
        for (_, answers) in Dictionary(grouping: answers, by: { $0.0.loop }) {
            guard let loopServer = answers.first?.0.loopServer else { continue }
            let statuses = answers.map { call, result in
                AnsweredStatus(number: call.number, caller: call.caller, result: result)
            }
            loopServer.eventLoop.execute { loopServer.value.endStatuses(statuses) }
        }
    }
}

extension StatusCall {
    fileprivate var loop: ObjectIdentifier { ObjectIdentifier(loopServer.eventLoop) }
}

extension Response.Result {
    fileprivate init(_ status: Result<CouponStatus, Failure>) {
        switch status {
        case .success(let status): self = .couponStatus(status)
        case .failure(let failure): self = .failure(failure)
        }
    }
}
