/// A worker's place on its event loop: its connections, its codec, and the pending calls it sends
/// where slow work is done. Everything here runs on that loop, so nothing is locked.
internal import CouponCore
internal import CouponWire
internal import NIOCore
internal import Synchronization

final class LoopServer {
    private let loop: any EventLoop
    private let options: ServerOptions
    private let work: Lanes
    private let loopServers: LoopServers
    private let gate: any Gate
    private let replicas: (any ReplicaLink)?
    private var worker: Worker?

    private var connections = SlotMap<ServerConnection>()
    private var decoder = RequestDecoder()
    private var encoder = FrameEncoder()
    private var outcomeEncoder = OutcomeEncoder()
    private var counts = RequestCounts()
    private var toFlush: [ServerConnection] = []
    private var isPumpScheduled = false
    private var isTurnEnding = false
    private var expiry: Scheduled<Void>?
    private var pendingCalls: PendingCalls
    /// Who waits for the answer to the question that is under way.
    private var healthCallers: [Caller] = []

    init(loop: any EventLoop, options: ServerOptions, work: Lanes, loopServers: LoopServers) {
        self.loop = loop
        self.options = options
        self.work = work
        self.loopServers = loopServers
        pendingCalls = PendingCalls(now: options.worker.clocks.now())
        gate = options.makeGate(loop)
        replicas = options.makeReplicas(loop)
        let worker = Worker(
            gate: gate, replicas: replicas, host: self, options: options.worker)
        self.worker = worker
        gate.delegate = worker
        replicas?.delegate = worker
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
        guard loopServers.connections.load(ordering: .relaxed) > options.maximumConnections else {
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
        let size = encoder.prepare(response)
        buffer.writeWithOutputRawSpan(minimumWritableBytes: size) { encoder.write(into: &$0) }
    }

    func encode(_ outcome: Outcome, id: UInt64, into buffer: inout ByteBuffer) {
        buffer.writeWithOutputRawSpan(minimumWritableBytes: OutcomeEncoder.maximumBytes) {
            outcomeEncoder.write(outcome, id: id, into: &$0)
        }
    }

    /// What the turn has gathered goes out when its input has all been read: one pump, one flush.
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
        expiry = loop.assumeIsolated().scheduleTask(in: .milliseconds(8)) {
            self.expiry = nil
            self.worker?.expire()
            self.expirePendingCalls()
            self.endTurn()
        }
    }

    private func expirePendingCalls() {
        for caller in pendingCalls.expire(now: options.worker.clocks.now()) {
            reply(
                caller,
                .failure(
                    Failure(
                        .deadlineExceeded,
                        "the deadline passed before the answer was known; it may be done yet")))
        }
    }

    // MARK: Requests

    /// The front door's word, where it has one.
    func bounce(_ issue: IssueRequest) -> Outcome? {
        guard let outcome = worker?.bounce(issue.coupon, attempt: issue.attempt) else { return nil }
        counts.count(outcome)
        return outcome
    }

    /// Nil where a message is anything but a valid issue request.
    func decodeIssue(_ message: RawSpan) -> PlainIssueRequest? { decoder.decodeIssue(message) }

    /// Takes a request that has not bounced.
    func enqueue(_ plain: PlainIssueRequest, from connection: ServerConnection) {
        let issue = plain.issue
        worker?.ask(
            issue.coupon, user: issue.user, requestID: issue.requestID, attempt: issue.attempt,
            waitsForIssue: issue.waitFor == .issued,
            deadlineMilliseconds: plain.deadlineMilliseconds,
            caller: Caller(connection: connection.number, request: plain.id))
    }

    /// Takes a message of any kind.
    func handle(_ message: RawSpan, from connection: ServerConnection) {
        do throws(RefusedRequest) {
            try dispatch(decoder.decode(message), from: connection)
        } catch {
            connection.answer(Response(id: error.id, result: .failure(error.failure)))
        }
    }

    private func dispatch(_ request: Request, from connection: ServerConnection) {
        let caller = Caller(connection: connection.number, request: request.id)
        switch request.method {
        case .issue(let issue):
            worker?.issue(
                issue.coupon, user: issue.user, requestID: issue.requestID,
                attempt: issue.attempt, waitsForIssue: issue.waitFor == .issued,
                deadlineMilliseconds: request.deadlineMilliseconds, caller: caller)
        case .health:
            health(caller)
        case .serverInfo:
            reply(
                caller,
                .serverInfo(
                    ServerInfo(
                        version: options.version,
                        partitions: options.worker.partitioning.count,
                        maximumFrameBytes: options.maximumFrameBytes,
                        now: options.worker.clocks.wallNow())))
        default:
            send(request, caller, connection)
        }
    }

    /// The daemon is ready when every worker is: the next connection may go to any of them. They are asked
    /// by one question at a time, however many callers want to know.
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

    /// Slow methods wait in their lanes.
    private func send(_ request: Request, _ caller: Caller, _ connection: ServerConnection) {
        if request.method.isAdmin, let refusal = refusal(of: request, connection) {
            return reply(caller, .failure(refusal))
        }
        let milliseconds = min(
            request.deadlineMilliseconds ?? Limits.defaultDeadlineMilliseconds,
            Limits.maximumDeadlineMilliseconds)
        let now = options.worker.clocks.now()
        let deadline = now.advanced(byMilliseconds: Int64(milliseconds))
        let lane = work.lane(for: request.method)
        let share = request.method.share
        if let share, !connection.share.reserve(share) {
            lane.refuse()
            return reply(
                caller,
                .failure(.exhausted("too many \(share) of this connection are unanswered")))
        }
        let number = pendingCalls.add(caller, deadline: deadline)
        let (loopServers, presence) = (self.loopServers, connection.presence)
        let loopServer = NIOLoopBound(self, eventLoop: loop)
        submit(to: lane) { lane in
            lane.answer(request.method, deadline: deadline, to: presence) { result in
                loopServers.complete(result, on: loopServer.eventLoop) {
                    loopServer.value.end(number, of: caller, share, $0)
                }
            }
        } refused: {
            self.end(number, of: caller, share, .failure($0))
        }
    }

    /// - Parameter caller: may have been answered at the deadline.
    private func end(
        _ pendingCall: UInt64, of caller: Caller, _ share: SlowShare.Kind?,
        _ result: Response.Result
    ) {
        if let share { connections[caller.connection]?.share.release(share) }
        if pendingCalls.end(pendingCall) != nil { reply(caller, result) }
    }

    private func refusal(of request: Request, _ connection: ServerConnection) -> Failure? {
        guard let token = options.adminToken() else {
            return connection.isLoopback
                ? nil
                : Failure(
                    .permissionDenied,
                    "admin methods are served to this machine only: configure admin-token-file")
        }
        if request.token.isEmpty {
            return Failure(.unauthenticated, "token: this method needs the admin token")
        }
        return isEqualInConstantTime(request.token, token)
            ? nil : Failure(.permissionDenied, "token: is not the admin token")
    }

    private func submit(
        to lane: BlockingLane, _ job: @escaping BlockingLane.Job, refused: (Failure) -> Void
    ) {
        if !lane.submit(job) {
            refused(.exhausted("too many \(lane.kind.jobs) wait for their turn"))
        }
    }

    private func reply(_ caller: Caller, _ result: Response.Result) {
        connections[caller.connection]?.answer(Response(id: caller.request, result: result))
    }

    // MARK: News, and the end

    func withWorker(_ body: (Worker) -> Void) {
        guard let worker else { return }
        body(worker)
        endTurn()
    }

    var requestsInFlight: Int {
        (worker?.requestsInFlight ?? 0) + pendingCalls.count + healthCallers.count
    }

    var whyNotReady: String? { worker?.whyNotReady }

    var currentCounts: RequestCounts {
        var counts = counts
        counts.bounced = worker?.bounced ?? 0
        counts.marksMissed = worker?.marksMissed ?? 0
        counts.requestsInFlight = requestsInFlight
        return counts
    }

    func remembers(_ coupon: CouponID) -> (known: Bool, closed: Bool) {
        worker?.remembers(coupon) ?? (false, false)
    }

    /// Answers what is left, closes the connections and the way to the gate.
    func close() {
        worker?.abandon()
        let shutDown = Response.Result.failure(.unavailable("the daemon is shutting down"))
        for caller in pendingCalls.endAll() { reply(caller, shutDown) }
        answerHealth(shutDown)
        for connection in connections.values { connection.close() }
        gate.close()
        replicas?.close()
        expiry?.cancel()
        worker = nil
    }
}

extension LoopServer: WorkerHost {
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

/// Takes as long for a token that differs early as for one that differs late.
private func isEqualInConstantTime(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
}
