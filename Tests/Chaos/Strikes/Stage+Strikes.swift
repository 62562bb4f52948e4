/// How each fault is caused and undone.
internal import HistoryChecker
internal import TestSupport
internal import TestWorld

extension Stage {
    /// Causes the fault, waits, and undoes it.
    func cause(_ strike: Strike) async throws {
        try await Task.sleep(for: .milliseconds(strike.at))
        let (host, lasts) = (hosts[strike.daemon], Duration.milliseconds(strike.lasts))
        switch strike.fault {
        case .daemonKilled: try await killDaemon(host, for: lasts)
        case .daemonDiesAt(let failpoint):
            try await runUntilFailpoint(host, at: failpoint, within: lasts)
        case .daemonStopped: try await stopDaemon(host, for: lasts)
        case .redisKilled: try await killRedis(for: lasts)
        case .redisStopped: try await stopRedis(for: lasts)
        case .redisEmptied: try await emptyRedis()
        case .redisOlderLog: try await bringBackOlderLog(from: lasts)
        case .redisForgetsScripts:
            try await repeatedly(for: lasts) { try await world.redis.cli("SCRIPT", "FLUSH") }
        case .redisCutsClients:
            try await repeatedly(for: lasts) {
                try await world.redis.cli("CLIENT", "KILL", "TYPE", "normal")
                try await world.redis.cli("CLIENT", "KILL", "TYPE", "pubsub")
            }
        case .redisFull: try await fillRedis(for: lasts)
        case .redisUnsafe: try await makeRedisUnsafe(for: lasts)
        case .backendKilled: try await killBackend()
        case .sessionsEnded: try await repeatedly(for: lasts) { try await endSessions() }
        case .postgresKilled: try await killPostgres(for: lasts)
        case .postgresStopped: try await stopPostgres(for: lasts)
        case .couponLocked: try await lock(strike.coupon, for: lasts)
        case .deadlocks: try await fail(.deadlock, for: lasts)
        case .serialization: try await fail(.serialization, for: lasts)
        case .standbyAway: try await loseStandby(for: lasts)
        case .logDiskFull: try await fillLogDisk(for: lasts)
        case .network(let link, let kind):
            try await disturbNetwork(kind, on: link, of: host, for: lasts)
        case .cluster(let fault): try await cause(fault, at: strike.coupon, for: lasts)
        case .sentinel(let fault): try await cause(fault, for: lasts)
        case .clusterNode(let kind):
            try await disturbNetwork(
                kind, between: host, andMasterOf: strike.coupon, for: lasts)
        }
    }

    /// Retries until it succeeds, because another fault may be in the way.
    @discardableResult
    func retrying<Result>(_ body: () async throws -> Result) async throws -> Result {
        var result: Result?
        try await eventually("a fault can be caused or undone") {
            result = try await body()
            return true
        }
        guard let result else { throw CancellationError() }
        return result
    }

    /// Runs `body` ten times a second.
    func repeatedly<Result>(for lasts: Duration, _ body: () async throws -> Result) async throws {
        let end = ContinuousClock.now + lasts
        while ContinuousClock.now < end {
            _ = try await body()
            try await Task.sleep(for: .milliseconds(100))
        }
    }
}
