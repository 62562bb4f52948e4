/// From a frame's bytes to what answers them: the front door, the worker, or a slow method.
internal import CouponAccess
internal import CouponCore
internal import CouponWire
internal import NIOCore

extension LoopServer {
    /// Nil if the message is not a valid issue request.
    func decodeIssue(_ message: RawSpan) -> PlainIssueRequest? { codec.decodeIssue(message) }

    /// The front door's answer, if it has one.
    func bounce(_ issue: IssueRequest) -> Outcome? {
        guard let outcome = worker?.bounce(issue.coupon, attempt: issue.attempt) else { return nil }
        counts.count(outcome)
        return outcome
    }

    /// Queues a request that has not bounced.
    func enqueue(_ plain: PlainIssueRequest, from connection: ServerConnection) {
        worker?.enqueue(
            plain.issue, deadlineMilliseconds: plain.deadlineMilliseconds,
            caller: Caller(connection: connection.number, request: plain.id))
    }

    /// Handles a message of any kind.
    /// - Returns: what that has cost, in bounces.
    func handle(_ message: RawSpan, from connection: ServerConnection) -> Int {
        let cost = Limits.otherRequestCost + message.byteCount / Limits.bytesForBounce
        do throws(RefusedRequest) {
            let request = try codec.decode(message)
            dispatch(request, from: connection)
            return cost + request.method.users * Limits.batchUserCost
        } catch {
            count(.invalidRequest, connection)
            connection.answer(Response(id: error.id, result: .failure(error.failure)))
            return cost
        }
    }

    private func dispatch(_ request: Request, from connection: ServerConnection) {
        let caller = Caller(connection: connection.number, request: request.id)
        guard let name = allow(request, from: connection) else { return }
        if let refusal = limitPrincipal(request.method, by: name, from: connection) {
            return reply(caller, .failure(refusal))
        }
        if let trace = request.trace { begin(trace, request.method, of: caller) }
        switch request.method {
        case .issue(let issue):
            if let refusal = limitPrincipal(of: issue, from: connection)
                ?? limitRate(of: issue, from: connection) ?? limit(issue, from: connection)
            {
                return reply(caller, .failure(refusal))
            }
            worker?.submit(
                issue, deadlineMilliseconds: request.deadlineMilliseconds, caller: caller)
        case .issueBatch(let batch):
            issue(
                batch, deadlineMilliseconds: request.deadlineMilliseconds, caller, connection)
        case .couponStatusBatch(let coupon, let users):
            status(
                of: coupon, users, deadlineMilliseconds: request.deadlineMilliseconds, caller,
                connection)
        case .health:
            checkHealth(caller)
        case .serverInfo(let acceptsGoAway):
            reply(caller, .serverInfo(serverInfo))
            if acceptsGoAway { connection.announceGoAway() }
        case .authenticate(let token):
            authenticate(token, caller, connection)
        default:
            callSlowMethod(request, caller, connection, by: name)
        }
    }

    private var serverInfo: ServerInfo {
        ServerInfo(
            version: configuration.version, partitions: configuration.worker.partitioning.count,
            maximumFrameBytes: configuration.maximumFrameBytes, now: clocks.wallNow(),
            idleSeconds: callerLimits.idleSeconds, features: Request.laterFeatures)
    }

    /// Callers without a role do not get the reason: it names servers and rights.
    private func answerHealth(_ caller: Caller, _ reason: String?) {
        let isStranger = connections[caller.connection]?.identity.isStranger ?? true
        let shown = reason.map { isStranger ? "not ready" : $0 }
        reply(caller, .health(notReady: shown))
    }

    /// The daemon is ready when every worker is, because the next connection may go to any of them.
    private func checkHealth(_ caller: Caller) {
        guard health.add(caller) else { return }
        let loopServer = NIOLoopBound(self, eventLoop: loop)
        loopServers.collect(on: loop) { $0.whyNotReady }.whenSuccess { reasons in
            let reason = reasons.compactMap(\.self).first
            for caller in loopServer.value.health.end() {
                loopServer.value.answerHealth(caller, reason)
            }
        }
    }
}

extension Request.Method {
    /// The users of a batch; 0 if it is none.
    var users: Int {
        switch self {
        case .issueBatch(let batch): batch.items.count
        case .couponStatusBatch(_, let users): users.count
        default: 0
        }
    }
}
