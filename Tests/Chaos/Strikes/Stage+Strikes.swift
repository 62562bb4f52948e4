/// How each fault is done, and taken back.
internal import HistoryChecker
internal import TestSupport
internal import TestWorld

extension Stage {
    /// Does it, waits, and takes it back.
    func carryOut(_ strike: Strike) async throws {
        try await Task.sleep(for: .milliseconds(strike.at))
        let (seat, lasts) = (seats[strike.daemon], Duration.milliseconds(strike.lasts))
        switch strike.fault {
        case .daemonKilled: try await killDaemon(seat, for: lasts)
        case .daemonDiesAt(let failpoint): try await doom(seat, at: failpoint, within: lasts)
        case .daemonStopped: try await stopDaemon(seat, for: lasts)
        case .redisKilled: try await killRedis(for: lasts)
        case .redisStopped: try await stopRedis(for: lasts)
        case .redisEmptied: try await emptyRedis()
        case .redisOlderLog: try await bringBackOlderLog(from: lasts)
        case .redisForgetsScripts:
            try await again(for: lasts) { try await world.redis.cli("SCRIPT", "FLUSH") }
        case .redisCutsClients:
            try await again(for: lasts) {
                try await world.redis.cli("CLIENT", "KILL", "TYPE", "normal")
                try await world.redis.cli("CLIENT", "KILL", "TYPE", "pubsub")
            }
        case .redisFull: try await fillRedis(for: lasts)
        case .backendKilled: try await killBackend()
        case .sessionsEnded: try await again(for: lasts) { try await endSessions() }
        case .postgresKilled: try await killPostgres(for: lasts)
        case .postgresStopped: try await stopPostgres(for: lasts)
        case .couponLocked: try await lock(strike.coupon, for: lasts)
        case .deadlocks: try await fail(.deadlock, for: lasts)
        case .serialization: try await fail(.serialization, for: lasts)
        case .logDiskFull: try await fillLogDisk(for: lasts)
        case .network(let link, let kind): try await blow(kind, on: link, of: seat, for: lasts)
        }
    }

    /// Does something as soon as it can be done: another fault may be in the way.
    @discardableResult
    func insist<Result>(_ body: () async throws -> Result) async throws -> Result {
        var result: Result?
        try await eventually("a fault is done") {
            result = try await body()
            return true
        }
        guard let result else { throw CancellationError() }
        return result
    }

    /// Does something again and again.
    func again<Result>(for lasts: Duration, _ body: () async throws -> Result) async throws {
        let end = ContinuousClock.now + lasts
        while ContinuousClock.now < end {
            _ = try await body()
            try await Task.sleep(for: .milliseconds(100))
        }
    }
}
