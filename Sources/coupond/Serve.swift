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
internal import UnixSignals

/// Serves until a signal stops it.
/// - Throws: an `ExitCode` that docs/OPERATIONS.md names; any other error is a fault of the daemon.
func serve(
    _ configuration: Configuration, flags: [String: String], _ log: LogWriter
) async throws {
    let logger = Logger(label: "coupond")
    let metrics = startMetrics(configuration, log)
    logForeignVariables(configuration, logger)
    _ = try DescriptorNeeds(configuration).checked(logger)
    warnOfReadableSecrets(configuration, logger)
    let files = try ConfiguredFiles(configuration, logger)
    let options = BackendOptions(configuration, files.redis)
    options.redis.topology?.start()
    let hangups = await UnixSignalsSequence(trapping: .sighup)
    let earlyStop = await EarlyStop(log, logger)
    let systemd = SystemdLink(log, logger)
    let installation = try await onThread {
        try prepare(configuration, options, systemd.start, logger)
    }
    let needs = try DescriptorNeeds(configuration, options.redis.topology?.current).checked(logger)

    let backends = Backends(options, configuration, installation.partitioning, logger)
    let scheduler = backends.makeScheduler(configuration)
    let settings = CurrentSettings(configuration, needs, flags: flags, environment: environment())
    let group = MultiThreadedEventLoopGroup(numberOfThreads: configuration.eventLoops)
    let server = CouponServer(
        group: group,
        configuration: ServerConfiguration(
            configuration, installation.partitioning,
            maximumConnections: needs.admitted(configuration.maxConnections, logger),
            tls: files.tls?.context),
        environment: DaemonEnvironment(
            configuration, backends, Reloadable(files, settings, logger), systemd, scheduler,
            metrics),
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

/// From now on metrics are counted.
private func startMetrics(_ configuration: Configuration, _ log: LogWriter) -> MetricsRegistry {
    let metrics = MetricsRegistry()
    MetricsSystem.bootstrap(metrics)
    let dropped = Counter(label: MetricName.logLinesDropped)
    log.countDrops { dropped.increment(by: $0) }
    Gauge(label: MetricName.unsafeRedisAllowed).record(configuration.allowUnsafeRedis ? 1 : 0)
    return metrics
}

private func logForeignVariables(_ configuration: Configuration, _ logger: Logger) {
    guard !configuration.foreignVariables.isEmpty else { return }
    logger.notice(
        "variables that are not settings are ignored",
        metadata: [
            LogKey.variables: "\(configuration.foreignVariables.joined(separator: ", "))"
        ])
}
