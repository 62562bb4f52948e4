/// Statuses in batches: the calls that come while one batch is answered are the next batch.
internal import CouponCore
internal import CouponWire
internal import NIOCore
internal import Synchronization

/// A `coupon_status` that a caller waits for.
struct StatusCall: Sendable {
    let question: StatusQuestion
    let deadline: MonotonicTime
    let presence: CallerPresence
    let loopServer: NIOLoopBound<LoopServer>
    /// Among the loop server's pending calls.
    let number: UInt64
    let caller: Caller
}

/// A status on its way back to its event loop.
struct AnsweredStatus: Sendable {
    let number: UInt64
    let caller: Caller
    let result: Response.Result
}

extension BlockingLane {
    /// Queues a call. False if too many wait.
    nonisolated func submit(_ call: StatusCall) -> Bool {
        guard reserve() else { return false }
        let isAlone = statusCalls.withLock { calls in
            calls.append(call)
            return calls.count == 1
        }
        if isAlone { goOn { $0.answerStatuses() } }
        return true
    }

    private func answerStatuses() {
        let (calls, isMoreWaiting) = statusCalls.withLock { waiting in
            let calls = Array(waiting.prefix(Limits.statusesPerBatch))
            waiting.removeFirst(calls.count)
            return (calls, !waiting.isEmpty)
        }
        release(calls.count)
        let now = clocks.now()
        let due = calls.filter { $0.presence.isThere && now < $0.deadline }
        let statuses = keeper.statuses(due.map(\.question))
        deliver(zip(due, statuses).map { call, status in (call, Response.Result(status)) })
        // Their callers have left, or were answered at the deadline.
        deliver(
            calls.filter { !$0.presence.isThere || now >= $0.deadline }
                .map { ($0, .failure(Failure(.deadlineExceeded, "the deadline has passed"))) })
        if isMoreWaiting { goOn { $0.answerStatuses() } }
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
