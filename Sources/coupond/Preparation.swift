/// What must be in order before the daemon serves: open files, Redis, PostgreSQL.
internal import ArgumentParser
internal import CouponCore
internal import CouponPostgres
internal import CouponRedis
internal import Glibc
internal import Logging
internal import SerialThreads

/// Some descriptors are kept for the daemon itself, so callers cannot cut it off from Redis and PostgreSQL.
struct DescriptorNeeds: Sendable {
    let reserve: Int

    /// - Parameter topology: once it is known; a cluster may have more masters than the settings name.
    init(_ configuration: Configuration, _ topology: Topology? = nil) {
        let masters = configuration.redis.isCluster ? topology?.nodes.count ?? 0 : 0
        reserve = Limits.reservedDescriptors(
            eventLoops: configuration.eventLoops, addresses: configuration.callerEndpoints.count,
            hasAdminListener: configuration.adminListen != nil,
            partitions: configuration.partitions,
            nodes: max(configuration.redis.nodes, masters),
            issuingLanes: configuration.issuingLanes, usesTLS: configuration.redisTLS)
    }

    /// - Throws: an exit code if there is no room for a single caller.
    func checked(_ logger: Logger) throws -> DescriptorNeeds {
        let limit = Descriptors.raiseLimit()
        guard Descriptors.connections(wanted: 1, limit: limit, reserve: reserve) < 1 else {
            return self
        }
        logger.critical(
            "the limit of open files leaves none for callers: raise LimitNOFILE, or ulimit -Hn",
            metadata: [LogKey.limit: "\(limit)", LogKey.ownDescriptors: "\(reserve)"])
        throw ExitCode(EX_CONFIG)
    }

    /// How many connections of callers the limit of open files allows.
    /// - Parameter wanted: by the settings.
    func admitted(_ wanted: Int, _ logger: Logger) -> Int {
        let limit = Descriptors.raiseLimit()
        let admitted = Descriptors.connections(wanted: wanted, limit: limit, reserve: reserve)
        if admitted >= 1, admitted < wanted {
            logger.warning(
                "max-connections needs a higher limit of open files: raise LimitNOFILE, or ulimit -Hn",
                metadata: [
                    LogKey.maximumConnections: "\(wanted)", LogKey.admitted: "\(admitted)",
                    LogKey.limit: "\(limit)", LogKey.ownDescriptors: "\(reserve)",
                ])
        }
        return admitted
    }
}

/// Warns of each file with a secret that every user of this machine may read. That is not a mistake: a
/// container may have one user only.
func warnOfReadableSecrets(_ configuration: Configuration, _ logger: Logger) {
    let settings = Settings.table
    let files: [(setting: Setting<String?>, path: String?)] = [
        (settings.adminTokenFile, configuration.adminTokenFile),
        (settings.tlsKey, configuration.tlsKey),
        (settings.redisPasswordFile, configuration.redisPasswordFile),
        (settings.redisTLSKey, configuration.redisTLSKey),
        (settings.postgresPasswordFile, configuration.postgresPasswordFile),
    ]
    for (setting, path) in files {
        guard let path, isReadableByAll(path) else { continue }
        logger.warning(
            "a file with a secret can be read by every user of this machine",
            metadata: [LogKey.settings: "\(setting.key)"])
    }
}

/// Runs blocking work away from the pool of threads, which other tasks need: with one core the pool has one
/// thread.
func onThread<Value: Sendable>(
    _ work: @escaping @Sendable () throws -> Value
) async throws -> Value {
    let thread = SerialThread(name: "coupond.start")
    return try await withCheckedThrowingContinuation { waiting in
        thread.perform { waiting.resume(with: Result(catching: work)) }
    }
}

/// Brings the database up to date and checks Redis' settings, so mistakes show at the start.
func prepare(
    _ configuration: Configuration, _ options: BackendOptions, _ start: SlowStart,
    _ logger: Logger
) throws -> Installation {
    let deadline = Clocks.system.now().advanced(byMilliseconds: 10_000)
    while true {
        do {
            let gates = RedisGateControl(options: options.redis, logger: logger)
            _ = try gates.identity()
            try gates.checkRights()
            start.waits(for: "the schema of PostgreSQL")
            return try Installation.setUp(
                options.postgres, partitions: configuration.partitions,
                mayMigrate: configuration.migrateAtStart, logger: logger)
        } catch BackendError.redis(.unsafeSettings(let text)) {
            logger.critical(
                "Redis is not configured to store data durably", metadata: [LogKey.why: "\(text)"])
            throw ExitCode(EX_CONFIG)
        } catch BackendError.redis(.missingRights(let text)) {
            logger.critical(
                "the Redis user lacks rights; `coupond acl redis` prints all it needs",
                metadata: [LogKey.rights: "\(text)"])
            throw ExitCode(EX_CONFIG)
        } catch BackendError.postgres(.refused(let text)) {
            logger.critical(
                "PostgreSQL refused to prepare the database",
                metadata: [LogKey.why: "\(text)"])
            throw ExitCode(EX_CONFIG)
        } catch {
            guard Clocks.system.now() < deadline else {
                logger.critical(
                    "Redis or PostgreSQL cannot be reached", metadata: [LogKey.why: "\(error)"])
                throw ExitCode(EX_UNAVAILABLE)
            }
            logger.warning("waiting for Redis or PostgreSQL", metadata: [LogKey.why: "\(error)"])
            start.waits(for: "Redis or PostgreSQL: \(error)")
            Clocks.system.pause(500)
        }
    }
}
