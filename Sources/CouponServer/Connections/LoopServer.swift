/// One event loop's share of the server: its connections, its worker, and the calls that its callers wait
/// for. Everything here runs on that loop, so nothing is locked.
internal import CouponCore
internal import CouponWire
internal import Logging
internal import NIOCore
internal import Synchronization

final class LoopServer {
    let loop: any EventLoop
    private let configuration: ServerConfiguration
    private let environment: any ServerEnvironment
    let work: Lanes
    let loopServers: LoopServers
    private let clocks: Clocks
    private let logger: Logger
    private let gate: any Gate
    private let replicas: (any ReplicaLink)?
    private(set) var worker: Worker?

    private var connections = SlotMap<ServerConnection>()
    private var codec = Codec()
    private var counts = RequestCounts()
    private var toFlush: [ServerConnection] = []
    private var isPumpScheduled = false
    private var isTurnEnding = false
    private var expiry: Scheduled<Void>?
    private var frameWatch: Scheduled<Void>?
    /// The slow methods that wait in lanes.
    private var pendingCalls: PendingCalls
    /// The callers of the health check that is in flight.
    private var healthCallers: [Caller] = []

    init(
        loop: any EventLoop, configuration: ServerConfiguration,
        environment: any ServerEnvironment, work: Lanes, loopServers: LoopServers,
        logger: Logger
    ) {
        self.logger = logger
        self.loop = loop
        self.configuration = configuration
        self.environment = environment
        clocks = configuration.worker.clocks
        self.work = work
        self.loopServers = loopServers
        pendingCalls = PendingCalls(now: clocks.now())
        gate = environment.makeGate(on: loop)
        replicas = environment.makeReplicas(on: loop)
        let worker = Worker(
            gate: gate, replicas: replicas, host: self, options: configuration.worker)
        self.worker = worker
        gate.delegate = worker
        replicas?.delegate = worker
        scheduleFrameWatch()
    }

    // MARK: Connections

    func add(_ connection: ServerConnection) -> UInt64 {
        loopServers.connections.add(1, ordering: .relaxed)
        return connections.add(connection)
    }

    func remove(_ connection: ServerConnection) {
        loopServers.connections.subtract(1, ordering: .relaxed)
        _ = connections.remove(connection.number)
    }

    func refusalOfConnection() -> Failure? {
        guard loopServers.connections.load(ordering: .relaxed) > configuration.maximumConnections
        else {
            return nil
        }
        loopServers.connectionsRefused.add(1, ordering: .relaxed)
        return Failure(
            .resourceExhausted, "too many connections",
            retryAfterMilliseconds: Limits.retryAfterMilliseconds)
    }

    func willWrite(_ connection: ServerConnection) {
        toFlush.append(connection)
        endTurn()
    }

    func encode(_ response: Response, into buffer: inout ByteBuffer) {
        codec.encode(response, into: &buffer)
    }

    func encode(_ outcome: Outcome, id: UInt64, into buffer: inout ByteBuffer) {
        codec.encode(outcome, id: id, into: &buffer)
    }

    /// Ends the turn once all its input is read: one pump of the worker, one flush of each connection.
    func endTurn() {
        guard !isTurnEnding else { return }
        isTurnEnding = true
        loop.assumeIsolated().execute {
            self.isTurnEnding = false
            if self.isPumpScheduled {
                self.isPumpScheduled = false
                self.worker?.pump()
            }
            let connections = self.toFlush
            self.toFlush.removeAll(keepingCapacity: true)
            for connection in connections { connection.flush() }
            self.scheduleExpiry()
        }
    }

    private func scheduleExpiry() {
        guard expiry == nil, worker != nil, requestsInFlight > 0 else { return }
        expiry = loop.assumeIsolated().scheduleTask(
            in: .milliseconds(DeadlineWheel.bucketMilliseconds)
        ) {
            self.expiry = nil
            self.worker?.expire()
            self.expirePendingCalls()
            self.endTurn()
        }
    }

    private func scheduleFrameWatch() {
        frameWatch = loop.assumeIsolated().scheduleTask(in: .seconds(1)) {
            for connection in self.connections.values { connection.endIfFrameIsLate() }
            self.scheduleFrameWatch()
        }
    }

    private func expirePendingCalls() {
        for caller in pendingCalls.expire(now: clocks.now()) {
            reply(
                caller,
                .failure(
                    Failure(
                        .deadlineExceeded,
                        "the deadline passed before the answer was known; it may still complete",
                        acceptance: .unknown)))
        }
    }

    // MARK: Requests

    /// The front door's answer, if it has one.
    func bounce(_ issue: IssueRequest) -> Outcome? {
        guard let outcome = worker?.bounce(issue.coupon, attempt: issue.attempt) else { return nil }
        counts.count(outcome)
        return outcome
    }

    /// Nil if the message is not a valid issue request.
    func decodeIssue(_ message: RawSpan) -> PlainIssueRequest? { codec.decodeIssue(message) }

    /// Queues a request that has not bounced.
    func enqueue(_ plain: PlainIssueRequest, from connection: ServerConnection) {
        worker?.enqueue(
            plain.issue, deadlineMilliseconds: plain.deadlineMilliseconds,
            caller: Caller(connection: connection.number, request: plain.id))
    }

    /// Handles a message of any kind.
    func handle(_ message: RawSpan, from connection: ServerConnection) {
        do throws(RefusedRequest) {
            try dispatch(codec.decode(message), from: connection)
        } catch {
            connection.answer(Response(id: error.id, result: .failure(error.failure)))
        }
    }

    private func dispatch(_ request: Request, from connection: ServerConnection) {
        let caller = Caller(connection: connection.number, request: request.id)
        switch request.method {
        case .issue(let issue):
            worker?.submit(
                issue, deadlineMilliseconds: request.deadlineMilliseconds, caller: caller)
        case .health:
            health(caller)
        case .serverInfo:
            reply(
                caller,
                .serverInfo(
                    ServerInfo(
                        version: configuration.version,
                        partitions: configuration.worker.partitioning.count,
                        maximumFrameBytes: configuration.maximumFrameBytes,
                        now: clocks.wallNow())))
        default:
            callSlowMethod(request, caller, connection)
        }
    }

    /// The daemon is ready when every worker is, because the next connection may go to any of them. At most
    /// one check is in flight; all callers that arrive before its end get its result.
    private func health(_ caller: Caller) {
        healthCallers.append(caller)
        guard healthCallers.count == 1 else { return }
        let loopServer = NIOLoopBound(self, eventLoop: loop)
        loopServers.collect(on: loop) { $0.whyNotReady }.whenSuccess { reasons in
            loopServer.value.answerHealth(.health(notReady: reasons.compactMap(\.self).first))
        }
    }

    private func answerHealth(_ result: Response.Result) {
        let callers = healthCallers
        healthCallers = []
        for caller in callers { reply(caller, result) }
    }

    func reply(_ caller: Caller, _ result: Response.Result) {
        if case .failure(let failure) = result, failure.code == .internal {
            logger.error(
                "a caller got INTERNAL", metadata: [LogKey.error: "\(failure.message)"])
        }
        connections[caller.connection]?.answer(Response(id: caller.request, result: result))
    }

    // MARK: Slow methods

    /// Queues a slow method in its lane, if the caller may call it now.
    private func callSlowMethod(
        _ request: Request, _ caller: Caller, _ connection: ServerConnection
    ) {
        if request.method.isAdmin,
            let refusal = AdminAccess.refusal(
                token: environment.adminToken, given: request.token,
                isLoopback: connection.isLoopback)
        {
            return reply(caller, .failure(refusal))
        }
        let share = request.method.share
        if let share, !connection.share.reserve(share) {
            work.refuse(request.method)
            return reply(
                caller, .failure(.exhausted("too many \(share) of this connection are unanswered")))
        }
        let milliseconds = min(
            request.deadlineMilliseconds ?? Limits.defaultDeadlineMilliseconds,
            Limits.maximumDeadlineMilliseconds)
        let deadline = clocks.now().advanced(byMilliseconds: Int64(milliseconds))
        let number = pendingCalls.add(caller, deadline: deadline)
        if case .couponStatus(let coupon, let user) = request.method {
            let question = StatusQuestion(coupon: coupon, user: user)
            return submit(question, deadline: deadline, number, of: caller, connection.presence)
        }
        submit(request.method, deadline: deadline, to: connection.presence) {
            $0.endSlowMethod(number, of: caller, share, $1)
        }
    }

    /// - Parameter caller: may have been answered at the deadline.
    private func endSlowMethod(
        _ pendingCall: UInt64, of caller: Caller, _ share: SlowShare.Kind?,
        _ result: Response.Result
    ) {
        if let share { connections[caller.connection]?.share.release(share) }
        if pendingCalls.end(pendingCall) != nil { reply(caller, result) }
    }

    /// Answers a batch of statuses.
    func endStatuses(_ statuses: [AnsweredStatus]) {
        for status in statuses {
            endSlowMethod(status.number, of: status.caller, .statuses, status.result)
        }
        endTurn()
    }

    // MARK: The worker

    func withWorker(_ body: (Worker) -> Void) {
        guard let worker else { return }
        body(worker)
        endTurn()
    }

    func answer(_ caller: Caller, _ outcome: Outcome) {
        counts.count(outcome)
        connections[caller.connection]?.answer(caller.request, outcome)
    }

    func fail(_ caller: Caller, _ failure: Failure) {
        counts.count(failure)
        reply(caller, .failure(failure))
    }

    func schedulePump() {
        isPumpScheduled = true
        endTurn()
    }

    func remembers(_ coupon: CouponID) -> (known: Bool, closed: Bool) {
        worker?.remembers(coupon) ?? (false, false)
    }

    var whyNotReady: String? {
        worker?.whyNotReady.map { reason in
            environment.whyPartitionsWait.map { "\(reason): \($0)" } ?? reason
        }
    }

    // MARK: Metrics, and the end

    var requestsInFlight: Int {
        (worker?.requestsInFlight ?? 0) + pendingCalls.count + healthCallers.count
    }

    /// The same metrics in the same order at each loop server.
    var metrics: [MetricFamily] {
        counts.metrics + [
            MetricFamily(MetricName.bounced, .counter, worker?.bounced ?? 0),
            MetricFamily(MetricName.driftMarks, .counter, worker?.marksMissed ?? 0),
            MetricFamily(MetricName.requestsInFlight, .gauge, requestsInFlight),
        ]
    }

    /// Answers every caller, then closes all connections.
    func close() {
        worker?.abandon()
        let shutDown = Response.Result.failure(
            .unavailable("the daemon is shutting down", acceptance: .unknown))
        for caller in pendingCalls.endAll() { reply(caller, shutDown) }
        answerHealth(shutDown)
        for connection in connections.values { connection.close() }
        gate.close()
        replicas?.close()
        expiry?.cancel()
        frameWatch?.cancel()
        worker = nil
    }
}
