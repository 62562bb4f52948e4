/// One event loop's share of the server: its connections, its worker, and the calls that its callers wait
/// for. Everything here runs on that loop, so nothing is locked.
///
/// This file has the parts and their end. What is done with them has a file for each job: requests, slow
/// methods, the worker's needs, the end of a turn, deadlines.
internal import CouponCore
internal import CouponWire
internal import Logging
internal import NIOCore

final class LoopServer {
    let loop: any EventLoop
    let configuration: ServerConfiguration
    let environment: any ServerEnvironment
    let work: Lanes
    let loopServers: LoopServers
    let clocks: Clocks
    let logger: Logger
    private let gates: any GateSource
    /// Nil once it is closed.
    private(set) var worker: Worker?

    var connections: ConnectionTable
    var codec = Codec()
    var counts = RequestCounts()
    var limitCounts = LimitCounts()
    var buffers: BufferBudget
    /// The limits of callers, as the last reload has left them.
    private(set) var callerLimits: CallerLimits
    /// The rates of users, which all event loops share; nil if users have no limit.
    private(set) var userRates: UserRates?
    /// Which requests are logged.
    private(set) var reporting: RequestReporting
    /// How many of this loop's requests in flight the other loops know of.
    var requestsPublished = 0
    var accessCounts = AccessCounts()
    var accessLog = AccessLog()
    var turn = Turn()
    var times = LoopTimes()
    var requestLog = RequestLog()
    /// The traces of unanswered requests. Empty if requests are not logged and no tracer is installed.
    var traces: [Caller: RequestTrace] = [:]
    /// Bytes from and to callers, without what TLS adds.
    var bytesReceived = 0
    var bytesSent = 0
    var timers = Timers()
    var health = HealthCheck()
    /// The slow methods that wait in lanes.
    var pendingCalls: PendingCalls
    /// Batches of which some users have no answer.
    var batches = SlotMap<PendingBatch>()
    /// The deadlines of batches of statuses that still wait for the lane.
    var batchDeadlines: DeadlineWheel
    /// Users of batches that are neither at the worker nor in the lane: their answers wait for those of
    /// others, or they wait for their turn.
    var usersOfBatches = 0
    /// Whether clients were asked to leave.
    var isGoingAway = false

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
        connections = ConnectionTable(counters: loopServers)
        callerLimits = configuration.limits
        userRates = loopServers.limits.userRates(configuration.limits)
        reporting = configuration.worker.reporting
        buffers = BufferBudget(limit: configuration.limits.bufferBytes / loopServers.eventLoops)
        pendingCalls = PendingCalls(now: clocks.now())
        batchDeadlines = DeadlineWheel(
            spanMilliseconds: Int64(Limits.defaultDeadlineMilliseconds), now: clocks.now())
        gates = environment.makeWorkerGates(on: loop)
        let partitions = configuration.worker.partitioning.count
        let routes =
            gates.changedRoutes()
            ?? GateRoutes(ways: [], places: Array(repeating: -1, count: partitions))
        worker = Worker(routes: routes, host: self, options: configuration.worker)
        connect(routes)
        gates.mayHaveChanged = { [weak self] in self?.followRoutes() }
        scheduleFrameWatch()
        scheduleLagProbe()
    }

    private func connect(_ routes: GateRoutes) {
        for way in routes.ways {
            way.gate.delegate = worker
            way.replicas?.delegate = worker
        }
    }

    /// Follows the nodes of Redis.
    func followRoutes() {
        guard let routes = gates.changedRoutes() else { return }
        connect(routes)
        withWorker { $0.use(routes) }
    }

    /// Answers a caller that is still connected.
    func reply(_ caller: Caller, _ result: Response.Result) {
        if case .failure(let failure) = result, failure.code == .internal {
            logger.error(
                "a caller got INTERNAL", metadata: [LogKey.error: "\(failure.message)"])
        }
        if caller.isOfBatch { return gather(caller, result) }
        if !traces.isEmpty { endTrace(of: caller, result) }
        connections[caller.connection]?.answer(Response(id: caller.request, result: result))
    }

    /// An answer did not fit in a frame.
    func reportLongAnswer() {
        logger.error(
            "a caller got INTERNAL", metadata: [LogKey.error: "answer: does not fit in a frame"])
    }

    var requestsInFlight: Int {
        (worker?.requestsInFlight ?? 0) + pendingCalls.count + health.count + usersOfBatches
    }

    /// The same metrics in the same order at each loop server.
    var metrics: [MetricFamily] {
        counts.metrics + accessCounts.metrics + [
            limitCounts.metrics,
            MetricFamily(MetricName.bounced, .counter, worker?.bounced ?? 0),
            MetricFamily(MetricName.driftMarks, .counter, worker?.marksMissed ?? 0),
            MetricFamily(MetricName.requestsInFlight, .gauge, requestsInFlight),
            MetricFamily(MetricName.bytesReceived, .counter, bytesReceived),
            MetricFamily(MetricName.bytesSent, .counter, bytesSent),
            MetricFamily(MetricName.slowRequests, .counter, requestLog.slow),
        ]
    }

    /// Uses these settings from now on, for open connections too.
    func use(_ settings: ReloadedSettings) {
        callerLimits = settings.limits
        userRates = loopServers.limits.userRates(settings.limits)
        buffers.limit = settings.limits.bufferBytes / loopServers.eventLoops
        reporting = settings.reporting
        worker?.reporting = settings.reporting
    }

    /// Answers every caller, then closes all connections.
    func close() {
        worker?.abandon()
        let shutDown = Failure.cutOff(acceptance: .unknown)
        for caller in health.end() + pendingCalls.endAll() { reply(caller, .failure(shutDown)) }
        endBatches(shutDown)
        for connection in connections.all {
            connection.goAway(isLast: true)
            connection.close()
        }
        gates.close()
        timers.cancel()
        worker = nil
    }
}
