/// The composition root: from a configuration to a running daemon.
internal import ArgumentParser
internal import CoreMetrics
internal import CouponCore
internal import CouponPostgres
internal import CouponRedis
internal import CouponScheduler
internal import CouponServer
internal import Glibc
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle
internal import Systemd
internal import UnixSignals

/// Serves until it is told to stop.
/// - Throws: an `ExitCode` for an end that docs/OPERATIONS.md names; anything else is a fault of ours.
func serve(_ configuration: Configuration, _ log: LogWriter) async throws {
    // A write to a peer that has gone is an error of that write, not the end of the process.
    _ = signal(SIGPIPE, SIG_IGN)
    let logger = Logger(label: "coupond")
    let metrics = MetricsRegistry()
    MetricsSystem.bootstrap(metrics)
    let dropped = Counter(label: "coupond_log_lines_dropped_total")
    log.countDrops { dropped.increment(by: $0) }
    Gauge(label: "coupond_unsafe_redis_allowed").record(configuration.allowUnsafeRedis ? 1 : 0)
    let maximumConnections = try admittedConnections(configuration, logger)
    let secrets = Secrets(configuration)
    let redis = RedisOptions(configuration, password: secrets.redisPassword)
    let postgres = PostgresOptions(connection: configuration.postgres)
    let installation = try prepare(configuration, redis, postgres, logger)

    // The scheduler has one thread for all its partitions: a locked coupon holds up the others no longer.
    var patience = postgres
    patience.lockTimeoutMilliseconds = 250
    let scheduler = SchedulerService(
        ledger: { [patience] in PostgresLedger(patience, logger: Logger(label: "coupond.scheduler"))
        },
        gates: { RedisGateControl(options: redis, logger: Logger(label: "coupond.scheduler")) },
        options: SchedulerOptions(
            partitioning: installation.partitioning,
            requestsPerTransaction: configuration.maxBatch, clocks: .system,
            failpoint: failpoint()),
        logger: Logger(label: "coupond.scheduler"))

    let group = MultiThreadedEventLoopGroup(numberOfThreads: configuration.eventLoops)
    let server = CouponServer(
        group: group,
        options: ServerOptions(
            configuration, installation, redis, secrets, metrics, logger,
            maximumConnections: maximumConnections, owns: { scheduler.owns($0) }),
        store: {
            PostgresCouponStore(
                postgres, partitioning: installation.partitioning,
                logger: Logger(label: "coupond.lane"))
        },
        gates: { RedisGateControl(options: redis, logger: Logger(label: "coupond.lane")) },
        events: { RedisEventSource(options: redis, logger: Logger(label: "coupond.events")) },
        logger: logger)
    let reload = ReloadService(server: server)
    do {
        // Stopped in reverse order: callers are answered while the scheduler still commits.
        try await ServiceGroup(
            services: [scheduler, reload, server],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger
        ).run()
    } catch let error as IOError where error.errnoCode == EADDRINUSE {
        logger.critical(
            "the address is in use: stop who listens there, or choose another with --listen",
            metadata: [
                "listen": "\(configuration.listen)",
                "metrics-listen": "\(configuration.metricsListen, default: "off")",
            ])
        throw ExitCode(EX_UNAVAILABLE)
    }
    try? await group.shutdownGracefully()
    logger.info("stopped")
}

/// As many connections as are configured, or as there may be files for: the daemon keeps its own back, so
/// that callers cannot cut it off from Redis and PostgreSQL.
private func admittedConnections(
    _ configuration: Configuration, _ logger: Logger
) throws -> Int {
    let (wanted, limit) = (configuration.maxConnections, Descriptors.raiseLimit())
    let admitted = Descriptors.connections(
        wanted: wanted, limit: limit, eventLoops: configuration.eventLoops)
    let reserve = Limits.reservedDescriptors(eventLoops: configuration.eventLoops)
    guard admitted >= 1 else {
        logger.critical(
            "too few files may be open to serve anybody: raise LimitNOFILE, or ulimit -Hn",
            metadata: ["limit": "\(limit)", "the daemon's own": "\(reserve)"])
        throw ExitCode(EX_CONFIG)
    }
    if admitted < wanted {
        logger.warning(
            "fewer callers are admitted than max-connections: raise LimitNOFILE, or ulimit -Hn",
            metadata: [
                "max-connections": "\(wanted)", "admitted": "\(admitted)", "limit": "\(limit)",
                "the daemon's own": "\(reserve)",
            ])
    }
    return admitted
}

/// Brings the database up to date and looks at Redis' settings: what is wrong is told now, not to callers.
private func prepare(
    _ configuration: Configuration, _ redis: RedisOptions, _ postgres: PostgresOptions,
    _ logger: Logger
) throws -> Installation {
    let patience = Clocks.system.now().advanced(byMilliseconds: 10_000)
    while true {
        do {
            let gates = RedisGateControl(options: redis, logger: logger)
            _ = try gates.identity()
            return try Installation.setUp(
                postgres, partitions: configuration.partitions, logger: logger)
        } catch GateControlError.unsafeSettings(let text) {
            logger.critical("Redis is not run as durably as promised", metadata: ["why": "\(text)"])
            throw ExitCode(EX_CONFIG)
        } catch LedgerError.refused(let text) {
            logger.critical("PostgreSQL refuses", metadata: ["why": "\(text)"])
            throw ExitCode(EX_CONFIG)
        } catch {
            guard Clocks.system.now() < patience else {
                logger.critical("a server is not reachable", metadata: ["why": "\(error)"])
                throw ExitCode(EX_UNAVAILABLE)
            }
            logger.warning("waiting for a server", metadata: ["why": "\(error)"])
            Clocks.system.pause(500)
        }
    }
}

extension RedisOptions {
    fileprivate init(_ configuration: Configuration, password: String?) {
        switch configuration.redis {
        case .tcp(let host, let port): self.init(address: .tcp(host: host, port: port))
        case .unix(let path): self.init(address: .unix(path: path))
        }
        username = configuration.redisUser
        self.password = password
        allowUnsafeSettings = configuration.allowUnsafeRedis
        backlogPerCoupon = Int64(configuration.backlogPerCoupon)
        backlogPerPartition = Int64(configuration.backlogPerPartition)
        finishedRetentionMilliseconds = configuration.finishedRetention.milliseconds
    }
}

extension ServerOptions {
    fileprivate init(
        _ configuration: Configuration, _ installation: Installation, _ redis: RedisOptions,
        _ secrets: Secrets, _ metrics: MetricsRegistry, _ logger: Logger,
        maximumConnections: Int, owns: @escaping @Sendable (PartitionID) -> Bool
    ) {
        let (host, port) = configuration.listen.tcp
        let notifier = Notifier(environment: environment())
        self.init(
            host: host, port: port, maximumConnections: maximumConnections,
            maximumFrameBytes: configuration.maxFrameBytes,
            observation: configuration.metricsListen?.tcp, moreMetrics: { metrics.text },
            drainMilliseconds: configuration.drainTimeout.milliseconds,
            adminToken: { secrets.adminToken },
            reloadSettings: { secrets.reload() }, version: Coupond.version,
            owns: owns,
            worker: WorkerOptions(
                partitioning: installation.partitioning,
                replicas: configuration.redisWaitReplicas, clocks: .system,
                failpoint: failpoint()),
            makeGate: { loop in
                let gate = GateConnection(
                    eventLoop: loop, options: redis, logger: Logger(label: "coupond.gate"))
                gate.start()
                return gate
            },
            makeReplicas: { loop in
                configuration.redisWaitReplicas == 0
                    ? nil
                    : ReplicaConnection(
                        eventLoop: loop, options: redis, replicas: configuration.redisWaitReplicas,
                        timeoutMilliseconds: configuration.redisWaitTimeout.milliseconds,
                        logger: Logger(label: "coupond.gate"))
            },
            onListening: { _ in tell(logger) { () throws(NotifierError) in try notifier.ready() } },
            onDraining: {
                tell(logger) { () throws(NotifierError) in try notifier.stopping() }
            },
            watchdog: Watchdog(environment: environment()).map { watchdog in
                (
                    watchdog.interval / 2,
                    { tell(logger) { () throws(NotifierError) in try notifier.alive() } }
                )
            })
    }
}

/// systemd that does not listen is no reason to stop.
private func tell(_ logger: Logger, _ message: () throws(NotifierError) -> Void) {
    do { try message() } catch {
        logger.warning("systemd was not told", metadata: ["error": "\(error)"])
    }
}

extension Endpoint {
    /// Where somebody listens, the table of settings admits TCP addresses only.
    fileprivate var tcp: (host: String, port: Int) {
        guard case .tcp(let host, let port) = self else {
            preconditionFailure("the configuration admits TCP addresses only")
        }
        return (host, port)
    }
}

extension Duration {
    fileprivate var milliseconds: Int64 {
        components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000
    }
}
