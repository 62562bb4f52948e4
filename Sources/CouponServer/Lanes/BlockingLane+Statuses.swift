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
        let isDue = calls.map { $0.presence.isThere && now < $0.deadline }
        let questions = zip(calls, isDue).compactMap { call, isDue in isDue ? call.question : nil }
        var statuses = keeper.statuses(questions).makeIterator()
        var answers = LoopAnswers()
        for (call, isDue) in zip(calls, isDue) {
            // The callers of the others have left, or were answered at the deadline.
            let status =
                isDue
                ? statuses.next() : .failure(Failure(.deadlineExceeded, "the deadline has passed"))
            if let status { answers.add(Response.Result(status), to: call) }
        }
        answers.deliver()
        goOn { $0.answerStatuses(of: queue, as: number) }
    }

    /// A few calls wait for the other lane, which may hang.
    private nonisolated func lookAgain(at queue: StatusQueue) {
        goOn(after: Limits.statusBatchMilliseconds) { lane in
            if queue.lookAgain(now: lane.clocks.now()) { lane.lookAgain(at: queue) }
        }
    }
}

/// The answers of a batch by event loop, of which there are few.
private struct LoopAnswers {
    private struct Group {
        let loopServer: NIOLoopBound<LoopServer>
        var statuses: [AnsweredStatus] = []
    }

    private var groups: [Group] = []

    mutating func add(_ result: Response.Result, to call: StatusCall) {
        let status = AnsweredStatus(number: call.number, caller: call.caller, result: result)
        for index in groups.indices
        where groups[index].loopServer.eventLoop === call.loopServer.eventLoop {
            return groups[index].statuses.append(status)
        }
        groups.append(Group(loopServer: call.loopServer, statuses: [status]))
    }

    /// Hands each event loop its answers, all at once.
    func deliver() {
        for group in groups {
            group.loopServer.eventLoop.execute {
                group.loopServer.value.endStatuses(group.statuses)
            }
        }
    }
}

extension Response.Result {
    fileprivate init(_ status: Result<CouponStatus, Failure>) {
        switch status {
        case .success(let status): self = .couponStatus(status)
        case .failure(let failure): self = .failure(failure)
        }
    }
}
