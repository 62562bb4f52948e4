/// Methods that may block: each waits in a lane, and its result comes back to the loop. The caller gets an
/// answer at its deadline in any case.
internal import CouponAccess
internal import CouponCore
internal import CouponWire
internal import NIOCore

extension LoopServer {
    /// Queues a slow method in its lane, if the connection has room for it.
    /// - Parameter principal: in whose name it is called.
    func callSlowMethod(
        _ request: Request, _ caller: Caller, _ connection: ServerConnection,
        by principal: String
    ) {
        if let refusal = limit(request.method, from: connection) {
            return reply(caller, .failure(refusal))
        }
        let share = request.method.descriptor.share
        guard connection.share.reserve(share) else {
            work.refuse(request.method)
            return reply(caller, .failure(refuse(share, connection)))
        }
        let now = clocks.now()
        let deadline = deadline(after: request.deadlineMilliseconds)
        let number = pendingCalls.add(
            request.method.name, of: caller, now: now, deadline: deadline)
        if case .couponStatus(let coupon, let user) = request.method {
            let question = StatusQuestion(coupon: coupon, user: user)
            return submit(question, deadline: deadline, number, of: caller, connection.presence)
        }
        if case .watch(let question) = request.method {
            return submit(question, deadline: deadline, number, of: caller, connection.presence)
        }
        let call = AdminCall(
            principal: principal, address: connection.identity.address,
            method: request.method.name, request: request.id)
        let isReading = request.method.descriptor.effect == .nothing
        let ended: @Sendable (LoopServer, Response.Result) -> Void = {
            $0.endSlowMethod(number, of: caller, share, $1, isReading: isReading)
        }
        submit(request.method, of: call, deadline: deadline, to: connection.presence, ended) {
            count(.lane, connection)
            ended(self, .failure($0))
        }
    }

    /// - Parameter milliseconds: nil if the caller names none.
    func deadline(after milliseconds: UInt32?) -> MonotonicTime {
        let milliseconds = min(
            milliseconds ?? Limits.defaultDeadlineMilliseconds,
            Limits.maximumDeadlineMilliseconds)
        return clocks.now().advanced(byMilliseconds: Int64(milliseconds))
    }

    /// Sends a slow method to its lane.
    /// - Parameter ended: called once, on this loop.
    private func submit(
        _ method: Request.Method, of call: AdminCall, deadline: MonotonicTime,
        to presence: CallerPresence,
        _ ended: @escaping @Sendable (LoopServer, Response.Result) -> Void,
        refused: (Failure) -> Void
    ) {
        let loopServers = self.loopServers
        let loopServer = NIOLoopBound(self, eventLoop: loop)
        work.lane(for: method).submit { lane in
            lane.answer(method, of: call, deadline: deadline, to: presence) { result in
                loopServers.complete(result, on: loopServer.eventLoop) {
                    ended(loopServer.value, $0)
                }
            }
        } refused: {
            refused($0)
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
        if work.statuses.add(call) {
            turn.addStatus()
            return endTurn()
        }
        count(.lane, of: caller)
        endStatuses([
            AnsweredStatus(
                number: number, caller: caller, result: .failure(Lane.statuses.exhausted))
        ])
    }

    /// Queues a wait for events.
    /// - Parameter number: of the pending call.
    private func submit(
        _ question: EventQuestion, deadline: MonotonicTime, _ number: UInt64, of caller: Caller,
        _ presence: CallerPresence
    ) {
        let now = clocks.now()
        // A little before the deadline, because an empty page has a bookmark and DEADLINE_EXCEEDED has none.
        let left = deadline.milliseconds(since: now) - Limits.watchGraceMilliseconds
        let wait = max(0, min(Int64(question.waitMilliseconds), left))
        let call = WatchCall(
            question: question, endsAt: now.advanced(byMilliseconds: wait), presence: presence,
            loopServer: NIOLoopBound(self, eventLoop: loop), number: number, caller: caller)
        if !work.watches.add(call, endsAfter: wait) {
            count(.lane, of: caller)
            endSlowMethod(
                number, of: caller, .watches, .failure(Lane.watches.exhausted), isReading: true)
        }
    }

    /// Answers a wait for events.
    func endWatch(_ number: UInt64, of caller: Caller, _ result: Response.Result) {
        endSlowMethod(number, of: caller, .watches, result, isReading: true)
        endTurn()
    }

    /// Answers a batch of statuses.
    func endStatuses(_ statuses: [AnsweredStatus]) {
        for status in statuses {
            if case .failure(let failure) = status.result, failure.code == .notFound {
                countUnknownCoupon(connections[status.caller.connection])
            }
            endSlowMethod(
                status.number, of: status.caller, status.caller.isOfBatch ? nil : .statuses,
                status.result, isReading: true)
            if status.caller.isOfBatch { leaveLane(status.caller) }
        }
        endTurn()
    }

    /// - Parameters:
    ///   - caller: may have been answered at the deadline.
    ///   - isReading: whether the method changes nothing.
    private func endSlowMethod(
        _ pendingCall: UInt64, of caller: Caller, _ share: SlowShare.Kind?,
        _ result: Response.Result, isReading: Bool
    ) {
        if let share { connections[caller.connection]?.share.release(share) }
        guard let call = pendingCalls.end(pendingCall) else { return }
        // The client may have gone, or its principal been removed, while the lane read for it. What was
        // changed for it is still reported.
        let isGone = isReading && connection(of: caller)?.presence.isThere == false
        let result = isGone ? .failure(CallerPresence.gone) : result
        // A wait for events is not measured: it is long because nothing happens, not because it is slow.
        if share != .watches { measure(call, result.endName) }
        reply(caller, result)
    }
}
