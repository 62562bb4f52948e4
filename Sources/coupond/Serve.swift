/// The composition root: from a configuration to a running daemon.
internal import ArgumentParser
internal import CoreMetrics
internal import CouponCore
internal import CouponPostgres
internal import CouponRedis
internal import CouponScheduler
internal import CouponServer
internal import CouponTracing
internal import Glibc
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle
internal import Systemd
internal import Tracing
internal import UnixSignals

/// Serves until a signal stops it.
/// - Throws: an `ExitCode` that docs/OPERATIONS.md names; any other error is a fault of the daemon.
func serve(
    _ configuration: Configuration, flags: [String: String], _ log: LogWriter
) async throws {
    let logger = Logger(label: "coupond")
    let metrics = MetricsRegistry()
    MetricsSystem.bootstrap(metrics)
    let dropped = Counter(label: MetricName.logLinesDropped)
    log.countDrops { dropped.increment(by: $0) }
    Gauge(label: MetricName.unsafeRedisAllowed).record(configuration.allowUnsafeRedis ? 1 : 0)
    logForeignVariables(configuration, logger)
    _ = try DescriptorNeeds(configuration).checked(logger)
    warnOfReadableSecrets(configuration, logger)
    let secrets = try readSecrets(configuration, logger)
    let tls = try makeTLS(configuration, logger)
    let redisAccess = try readRedisAccess(configuration, logger)
    let refusals = RefusalCounts()
    let losses = LostSessions()
    let redis = RedisOptions(
        configuration, redisAccess, countRefusal: { refusals.count(.redis, $0) },
        countLoss: { losses.count(.redis) }, logger: Logger(label: "coupond.topology"))
    redis.topology?.start()
    let postgres = PostgresOptions(
        configuration, countRefusal: { refusals.count(.postgres, $0) },
        countLoss: { losses.count(.postgres) })
    let hangups = await UnixSignalsSequence(trapping: .sighup)
    let earlyStop = await EarlyStop(log, logger)
    let notifier = Notifier(environment: environment())
    let start = SlowStart(notifier)
    let installation = try await onThread {
        try prepare(configuration, redis, postgres, start, logger)
    }
    let needs = try DescriptorNeeds(configuration, redis.topology?.current).checked(logger)

    let missingRights = MissingRights(logger)
    let scheduler = makeScheduler(
        configuration, redis, postgres, installation.partitioning, missingRights)
    let group = MultiThreadedEventLoopGroup(numberOfThreads: configuration.eventLoops)
    let server = CouponServer(
        group: group,
        configuration: ServerConfiguration(
            configuration, installation.partitioning,
            maximumConnections: needs.admitted(configuration.maxConnections, logger),
            tls: tls?.context),
        environment: DaemonEnvironment(
            redis: redis, postgres: postgres, partitioning: installation.partitioning,
            replicas: configuration.redisWaitReplicas,
            replicaTimeoutMilliseconds: configuration.redisWaitTimeout.wholeMilliseconds,
            eventRetentionMilliseconds: configuration.eventRetention.wholeMilliseconds,
            secrets: secrets, tls: tls, redisAccess: redisAccess, registry: metrics,
            refusals: refusals, losses: losses, postgresRights: missingRights, scheduler: scheduler,
            notifier: notifier, start: start, stopBound: StopBound(log, logger),
            settings: CurrentSettings(
                configuration, needs, flags: flags, environment: environment()), logger: logger),
        logger: logger)
    let reload = ReloadService(
        signals: hangups, server: server, earlyStop: earlyStop,
        results: ReloadResults(environment: environment(), logger))
    do {
        // They stop in reverse order: callers are answered while the scheduler still commits.
        try await ServiceGroup(
            services: [scheduler, reload, server],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger
        ).run()
    } catch let error as CannotListen {
        logger.critical("the daemon cannot listen", metadata: [LogKey.reason: "\(error)"])
        throw ExitCode(EX_UNAVAILABLE)
    }
    try? await group.shutdownGracefully()
    logger.info("stopped")
}

private func logForeignVariables(_ configuration: Configuration, _ logger: Logger) {
    guard !configuration.foreignVariables.isEmpty else { return }
    logger.notice(
        "variables that are not settings are ignored",
        metadata: [
            LogKey.variables: "\(configuration.foreignVariables.joined(separator: ", "))"
        ])
}

private func makeScheduler(
    _ configuration: Configuration, _ redis: RedisOptions, _ postgres: PostgresOptions,
    _ partitioning: Partitioning, _ missingRights: MissingRights
) -> IssuingLanes {
    let logger = Logger(label: "coupond.scheduler")
    var postgres = postgres
    // One thread serves many partitions, so a locked coupon must not hold up the others for longer.
    postgres.lockTimeoutMilliseconds = 250
    postgres.reportMissingRights = { missingRights.report($0) }
    return IssuingLanes(
        configuration.issuingLanes,
        ledger: { [postgres] in PostgresLedger(postgres, logger: logger) },
        gates: { RedisGateControl(options: redis, logger: logger, whileWaiting: $0) },
        options: SchedulerOptions(
            partitioning: partitioning, requestsPerTransaction: configuration.maxBatch,
            clocks: .system, failpoint: failpoint()),
        logger: logger)
}

extension RedisOptions {
    /// Also for `--check-config=connect`.
    init(
        _ configuration: Configuration, _ access: RedisAccess,
        countRefusal: @escaping @Sendable (String) -> Void = { _ in },
        countLoss: @escaping @Sendable () -> Void = {}, logger: Logger
    ) {
        switch configuration.redis {
        case .single(let endpoint): self.init(address: endpoint.redisAddress)
        case .seeds: self.init(address: .unix(path: ""))  // replaced below
        }
        username = configuration.redisUser
        credentials = { access.credentials }
        self.countRefusal = countRefusal
        self.countLoss = countLoss
        allowUnsafeSettings = configuration.allowUnsafeRedis
        waitsForReplicas = configuration.redisWaitReplicas > 0
        backlogPerCoupon = Int64(configuration.backlogPerCoupon)
        backlogPerPartition = Int64(configuration.backlogPerPartition)
        finishedRetentionMilliseconds = configuration.finishedRetention.wholeMilliseconds
        guard let seeds = configuration.redis.seeds else { return }
        if case .sentinel = seeds { demandsReplicas = true }
        let source = TopologySource(
            seeds, options: self, map: configuration.redisAddressMap, logger: logger)
        self = at(nil, of: source)
    }
}

extension PostgresOptions {
    /// Also for `coupond migrate`.
    init(
        _ configuration: Configuration,
        countRefusal: @escaping @Sendable (String) -> Void = { _ in },
        countLoss: @escaping @Sendable () -> Void = {}
    ) {
        self.init(connection: configuration.postgres, applicationName: processName())
        self.countRefusal = countRefusal
        self.countLoss = countLoss
        if let path = configuration.postgresPasswordFile {
            readPassword = {
                String(
                    decoding: try secret(inFile: path, limit: Secrets.passwordLimit), as: UTF8.self)
            }
        }
    }
}

extension ServerConfiguration {
    fileprivate init(
        _ configuration: Configuration, _ partitioning: Partitioning, maximumConnections: Int,
        tls: ServerTLS?
    ) {
        self.init(
            version: Coupond.version,
            worker: WorkerOptions(configuration, partitioning, stoppingAt: failpoint()))
        let (settings, inherited) = (
            Settings.table, InheritedListeners(environment: environment())
        )
        listen =
            inherited.places(of: settings.listen) ?? configuration.listen.map(\.place)
        adminListen =
            inherited.places(of: settings.adminListen)?.first ?? configuration.adminListen?.place
        loopbackIsAdmin = configuration.callerEndpoints.allSatisfy(\.isLocal)
        unixSockets = UnixSocketAccess(
            mode: configuration.unixSocketMode,
            group: configuration.unixSocketGroup.flatMap(Configuration.groupID))
        reusesPort = configuration.reusePort
        proxies = configuration.proxies
        self.tls = tls
        metricsListen = configuration.metricsListen?.tcp
        observersNeedRole = configuration.metricsListen.map { !$0.isLocal } ?? false
        metricsDescriptor = inherited[settings.metricsListen].first?.descriptor
        localCallersAreAdmins = configuration.adminFromLoopback
        limits = CallerLimits(configuration, connections: maximumConnections)
        maximumFrameBytes = configuration.maxFrameBytes
        drainMilliseconds = configuration.drainTimeout.wholeMilliseconds
        watchdogPeriod = Watchdog(environment: environment()).map { $0.interval / 2 }
        tracer = InstrumentationSystem.installedTracer
    }
}

extension WorkerOptions {
    fileprivate init(
        _ configuration: Configuration, _ partitioning: Partitioning,
        stoppingAt failpoint: @escaping @Sendable (Failpoint) -> Void
    ) {
        self.init(
            partitioning: partitioning, replicas: configuration.redisWaitReplicas,
            clocks: .system, failpoint: failpoint)
        reporting = RequestReporting(configuration)
    }
}

extension RequestReporting {
    /// Also for a reload.
    init(_ configuration: Configuration) {
        self.init(
            slowMilliseconds: configuration.slowRequest?.wholeMilliseconds,
            sampleEvery: configuration.logSample)
    }
}

extension CallerLimits {
    /// Also for a reload.
    /// - Parameter connections: as many as are configured, or as open files allow.
    init(_ configuration: Configuration, connections: Int) {
        self.init()
        self.connections = connections
        idleSeconds = max(1, Int(configuration.idleTimeout.wholeMilliseconds / 1_000))
        perAddress =
            switch configuration.maxConnectionsPerAddress {
            case .automatic: .automatic
            case .off: .off
            case .number(let number): .number(number)
            }
        requestsPerUser = configuration.userRate
        requestsInFlight = configuration.maxRequestsInFlight
        bufferBytes = configuration.maxBufferBytes
    }
}

extension InheritedListeners {
    /// Nil if the setting itself says where to listen.
    fileprivate func places(of setting: any AnySetting) -> [ServerConfiguration.Place]? {
        let sockets = self[setting]
        if sockets.isEmpty { return nil }
        return sockets.map { socket in
            guard case .unix(let path) = socket.endpoint else {
                return .inherited(descriptor: socket.descriptor, socketPath: nil)
            }
            return .inherited(descriptor: socket.descriptor, socketPath: path)
        }
    }
}

extension EndpointSetting {
    fileprivate var place: ServerConfiguration.Place {
        switch self {
        case .tcp(let host, let port): .tcp(host: host, port: port)
        case .unix(let path): .unix(path: path)
        }
    }

    /// The address of the listener for HTTP: the table of settings admits TCP addresses only.
    fileprivate var tcp: (host: String, port: Int) {
        guard case .tcp(let host, let port) = self else {
            preconditionFailure("the configuration admits TCP addresses only")
        }
        return (host, port)
    }
}
