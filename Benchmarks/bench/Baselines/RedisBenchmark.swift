/// redis-benchmark, which is part of Redis, with one thread, like Redis.
internal import Foundation
internal import TestSupport

struct RedisBenchmark {
    let stage: Stage

    /// GET of a key that exists; requests a second.
    func get(requests: Int, pipeline: Int) async throws -> Double {
        try stage.redis.call("SET", "key:__rand_int__", "xxx")
        return try await run(["-t", "get"], requests: requests, pipeline: pipeline)
    }

    /// The gate script, with another user for each call; requests a second.
    func script(requests: Int, pipeline: Int) async throws -> Double {
        let gate = try GateScript(stage.redis)
        // redis-benchmark reads this as an int.
        let rate = try await run(
            ["-r", "2000000000", "EVALSHA", gate.digest, "\(GateScript.keys.count)"]
                + GateScript.keys + ["\(GateScript.limit)", "__rand_int__"],
            requests: requests, pipeline: pipeline)
        // A few random numbers occur twice.
        guard try gate.accepted(stage.redis) > requests * 99 / 100 else {
            throw BenchmarkError("the baseline's users were not new")
        }
        return rate
    }

    private func run(_ what: [String], requests: Int, pipeline: Int) async throws -> Double {
        let folder = try TemporaryFolder()
        let process = try ServerProcess(
            "redis-benchmark",
            arguments: [
                "-p", "\(stage.redisServer.port)", "-c", "\(Stage.connections)",
                "-n", "\(requests)", "-P", "\(pipeline)", "--csv",
            ] + what, in: folder.path)
        _ = try await process.waitForEnd(within: .seconds(60))
        // "name","requests per second",…
        let cells = process.logTail(lines: 1).split(separator: "\",\"")
        guard cells.count > 1, let rate = Double(cells[1]) else {
            throw BenchmarkError("redis-benchmark: \(process.logTail())")
        }
        return rate
    }
}

/// A gate as a service that uses Redis directly would write it: one request for each call. Checks if the user
/// is known and if the coupon is full, adds the user, and pushes to the queue.
struct GateScript {
    static let keys = ["bench:holders", "bench:queue"]
    static let limit = 1_000_000_000
    private static let text = """
        if redis.call('SISMEMBER', KEYS[1], ARGV[2]) == 1 then return 1 end
        if redis.call('SCARD', KEYS[1]) >= tonumber(ARGV[1]) then return 2 end
        redis.call('SADD', KEYS[1], ARGV[2])
        redis.call('RPUSH', KEYS[2], ARGV[2])
        return 0
        """

    let digest: String

    /// Loads the script, and deletes the keys of earlier runs.
    init(_ redis: Redis) throws {
        try redis.call(["UNLINK"] + Self.keys)
        digest = try redis.call("SCRIPT", "LOAD", Self.text) ?? ""
    }

    /// How many users it has accepted.
    func accepted(_ redis: Redis) throws -> Int {
        try redis.call("LLEN", Self.keys[1]).flatMap { Int($0) } ?? 0
    }
}
