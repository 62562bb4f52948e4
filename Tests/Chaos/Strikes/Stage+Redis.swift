/// Faults of Redis: it dies, stalls, loses data or is full.
internal import HistoryChecker
internal import TestSupport
internal import TestWorld

extension Stage {
    func killRedis(for lasts: Duration) async throws {
        try await world.redis.kill()
        try await Task.sleep(for: lasts)
        try await world.redis.restart()
    }

    func stopRedis(for lasts: Duration) async throws {
        world.redis.freeze()
        defer { world.redis.thaw() }
        try await Task.sleep(for: lasts)
    }

    func emptyRedis() async throws {
        try await traffic.recorder.losing(.redis) { try await world.redis.cli("FLUSHALL") }
    }

    /// Loses what was accepted after the copy was taken.
    func bringBackOlderLog(from lasts: Duration) async throws {
        try await traffic.recorder.losing(.redis) {
            let log = try world.redis.copyLog()
            try await Task.sleep(for: lasts)
            try await world.redis.kill()
            try world.redis.bringBack(log)
            try await world.redis.restart()
        }
    }

    /// Gates ask for the settings once a second, so the fault lasts for longer than that.
    func makeRedisUnsafe(for lasts: Duration) async throws {
        try await world.redis.cli("CONFIG", "SET", "appendfsync", "everysec")
        try await Task.sleep(for: .seconds(1) + lasts)
        try await world.redis.cli("CONFIG", "SET", "appendfsync", "always")
    }

    func fillRedis(for lasts: Duration) async throws {
        try await world.redis.cli("CONFIG", "SET", "maxmemory", "1")
        try await Task.sleep(for: lasts)
        try await world.redis.cli("CONFIG", "SET", "maxmemory", "0")
    }
}
