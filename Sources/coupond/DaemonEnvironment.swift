/// The daemon around the server: connections to Redis and PostgreSQL, secrets, scheduler, systemd.
internal import CoreMetrics
internal import CouponAccess
internal import CouponCore
internal import CouponPostgres
internal import CouponRedis
internal import CouponScheduler
internal import CouponServer
internal import Logging
internal import NIOCore
internal import Synchronization
internal import Systemd

final class DaemonEnvironment: ServerEnvironment {
    let redis: RedisOptions
    let postgres: PostgresOptions
    let partitioning: Partitioning
    let replicas: Int
    let replicaTimeoutMilliseconds: Int64
    let eventRetentionMilliseconds: Int64
    let secrets: Secrets
    let tls: CallerTLS?
    let redisAccess: RedisAccess
    let registry: MetricsRegistry
    let refusals: RefusalCounts
    let losses: LostSessions
    let postgresRights: MissingRights
    let scheduler: IssuingLanes
    let notifier: Notifier
    let start: SlowStart
    let stopBound: StopBound
    let settings: CurrentSettings
    let logger: Logger
    private let reloadFailures = Counter(label: MetricName.reloadFailures)
    /// Where the daemon serves callers; nil while it starts or drains.
    private let address = Mutex<String?>(nil)
    /// The workers' connections to the gates.
    private let gates = Mutex<[NIOLoopBound<NodeGates>]>([])

    init(
        redis: RedisOptions, postgres: PostgresOptions, partitioning: Partitioning,
        replicas: Int, replicaTimeoutMilliseconds: Int64, eventRetentionMilliseconds: Int64,
        secrets: Secrets,
        tls: CallerTLS?, redisAccess: RedisAccess, registry: MetricsRegistry,
        refusals: RefusalCounts, losses: LostSessions, postgresRights: MissingRights,
        scheduler: IssuingLanes, notifier: Notifier, start: SlowStart, stopBound: StopBound,
        settings: CurrentSettings, logger: Logger
    ) {
        self.redis = redis
        self.postgres = postgres
        self.partitioning = partitioning
        self.replicas = replicas
        self.replicaTimeoutMilliseconds = replicaTimeoutMilliseconds
        self.eventRetentionMilliseconds = eventRetentionMilliseconds
        self.secrets = secrets
        self.tls = tls
        self.redisAccess = redisAccess
        self.registry = registry
        self.refusals = refusals
        self.losses = losses
        self.postgresRights = postgresRights
        self.scheduler = scheduler
        self.notifier = notifier
        self.start = start
        self.stopBound = stopBound
        self.settings = settings
        self.logger = logger
    }

    func makeStore() -> any LaneStore {
        PostgresCouponStore(
            postgres, partitioning: partitioning, logger: Logger(label: "coupond.lane"))
    }

    func makeGates(answeringWithin milliseconds: Int64?) -> any LaneGates {
        var options = redis
        if let milliseconds {
            options.connectTimeoutMilliseconds = milliseconds
            options.commandTimeoutMilliseconds = milliseconds
        }
        return RedisGateControl(options: options, logger: Logger(label: "coupond.lane"))
    }

    func makeEvents() -> any EventSource {
        let logger = Logger(label: "coupond.events")
        return redis.isCluster
            ? ClusterEventSource(options: redis, partitioning: partitioning, logger: logger)
            : RedisEventSource(options: redis, logger: logger)
    }

    func makeWorkerGates(on loop: any EventLoop) -> any GateSource {
        let source = NodeGates(
            eventLoop: loop, options: redis, partitioning: partitioning, replicas: replicas,
            replicaTimeoutMilliseconds: replicaTimeoutMilliseconds,
            logger: Logger(label: "coupond.gate"))
        gates.withLock { $0.append(NIOLoopBound(source, eventLoop: loop)) }
        return source
    }

    var adminToken: [UInt8]? { secrets.adminToken }

    var callers: Callers { secrets.callers }

    /// systemd sees the reload, unless the daemon starts or drains.
    func reloadSettings() throws(Failure) -> ReloadedSettings {
        let address = self.address.withLock { $0 }
        if address != nil {
            notify { () throws(NotifierError) in try notifier.reloading() }
        }
        var status = address.map { "listening on \($0)" }
        defer {
            if let status {
                notify { () throws(NotifierError) in try notifier.ready(status) }
            }
        }
        do throws(Failure) {
            let settings = try readAgain()
            if !settings.report.needsRestart.isEmpty {
                status = status.map { "\($0); \(settings.report)" }
            }
            return settings
        } catch {
            reloadFailures.increment()
            status = status.map {
                "\($0); the last reload failed: \(error.message)".safeForTerminal
            }
            throw error
        }
    }

    /// All or nothing: everything is read before anything is used.
    private func readAgain() throws(Failure) -> ReloadedSettings {
        let certificates: ServerTLS.Loaded?
        do throws(TLSMistake) {
            certificates = try tls?.files.load()
        } catch {
            throw Failure(.failedPrecondition, "\(error); the old certificate stays in use")
        }
        let redis: RedisCredentials
        do throws(FileMistake) {
            redis = try redisAccess.read()
        } catch {
            throw Failure(.failedPrecondition, "\(error); nothing has changed")
        }
        let access: Secrets.Access
        do throws(SecretError) {
            access = try secrets.read()
        } catch {
            throw Failure(.failedPrecondition, "\(error)")
        }
        let configuration = try settings.readFromLane()
        if let certificates { tls?.use(certificates) }
        redisAccess.use(redis)
        let change = CallersChange(from: secrets.callers, to: access.callers)
        secrets.use(access)
        for gate in gates.withLock({ $0 }) {
            gate.eventLoop.execute {
                gate.value.use(
                    backlogPerCoupon: Int64(configuration.backlogPerCoupon),
                    backlogPerPartition: Int64(configuration.backlogPerPartition))
            }
        }
        var reloaded = settings.use(configuration, logger)
        reloaded.callers = change
        return reloaded
    }

    func owns(_ partition: PartitionID) -> Bool { scheduler.owns(partition) }

    var partitionsLent: Int { scheduler.partitionsLent }
    var schedulerState: SchedulerState { scheduler.state }

    func countPostgresRollback() { scheduler.countPostgresRollback() }

    var topology: Topology? {
        switch redis.place {
        case .address(let address): Topology(single: address)
        case .node(_, let source): source.current
        }
    }

    var topologyTrouble: String? { redis.topology?.failure.map { "\($0)" } }

    var metrics: String {
        let topology = redis.topology.map {
            TopologyMetrics(source: $0, partitioning: partitioning).text
        }
        return registry.text + refusals.text + losses.text + (topology ?? "") + ProcessMetrics.text
    }

    var schedulerProgress: MonotonicTime? { scheduler.progress }

    var whyPartitionsWait: String? { scheduler.whyPartitionsWait }

    var missingRights: String? { postgresRights.text }

    func listening(on address: String) {
        self.address.withLock { $0 = address }
        start.end()
        notify { () throws(NotifierError) in try notifier.ready("listening on \(address)") }
    }

    func report(_ status: String) {
        notify { () throws(NotifierError) in try notifier.status(status) }
    }

    func draining(withinMilliseconds milliseconds: Int64) {
        stopBound.end(withinMilliseconds: milliseconds + Limits.stopMilliseconds)
        address.withLock { $0 = nil }
        notify { () throws(NotifierError) in try notifier.stopping("draining") }
    }

    func drained() { stopBound.end(withinMilliseconds: Limits.stopMilliseconds) }

    func stillDraining(_ requests: Int) {
        notify { () throws(NotifierError) in
            try notifier.extendTimeout(
                bySeconds: Limits.extensionSeconds, "draining; \(requests) requests in flight")
        }
    }

    func alive() { notify { () throws(NotifierError) in try notifier.alive() } }

    /// The daemon goes on if systemd does not read.
    private func notify(_ message: () throws(NotifierError) -> Void) {
        do { try message() } catch {
            logger.warning("systemd cannot be notified", metadata: [LogKey.error: "\(error)"])
        }
    }
}
