/// Redis' memory for the holders of a coupon, and how long it takes to bring them back.
internal import CouponCore
internal import Foundation
internal import TestSupport

/// Redis' memory for each of a million holders of one coupon, when the queue is empty again.
func measureHolderBytes(_ stage: Stage) async throws -> [Figure] {
    let users = 1_000_000
    return try await stage.withDaemon(eventLoops: nil) { daemon in
        let coupon = try stage.makeLoadedCoupons(daemon)
        try stage.waitForIssues(coupon, 1)
        let before = try settledMemory(stage)
        let generator = try stage.generator(daemon, coupon, users: users)
        _ = try generator.closedLoop(questions: users, pipeline: 64).checked(OutcomeCode.accepted)
        try stage.waitForIssues(coupon, users + 1)
        let bytes = Double(try settledMemory(stage) - before) / Double(users)
        return [.plain("holder_bytes", bytes, of: [bytes], unit: "B")]
    }
}

/// Redis' `used_memory` in bytes, once it no longer changes: the queue is trimmed after the commit, and the
/// buffers of the append-only file are written.
private func settledMemory(_ stage: Stage) throws -> Int {
    let deadline = nanoseconds() + 30_000_000_000
    var last = try usedMemory(stage)
    while nanoseconds() < deadline {
        usleep(500_000)
        let now = try usedMemory(stage)
        if abs(now - last) < 65_536 { return now }
        last = now
    }
    throw BenchmarkError("the memory of Redis does not settle")
}

private func usedMemory(_ stage: Stage) throws -> Int {
    let lines = try stage.redis.call("INFO", "memory")?.split(separator: "\r\n") ?? []
    guard let line = lines.first(where: { $0.hasPrefix("used_memory:") }),
        let bytes = Int(line.dropFirst("used_memory:".count))
    else { throw BenchmarkError("INFO memory has no used_memory") }
    return bytes
}

/// Redis loses a coupon with three million holders: how long until the coupon accepts again, how much it
/// accepts while its holders are loaded, and how long that takes. The baseline copies the rows to a file,
/// and then lets redis-cli write the same holders.
func measureRecovery(_ stage: Stage) async throws -> [Figure] {
    let holders = 3_000_000
    return try await stage.withDaemon(eventLoops: nil) { daemon in
        let coupon = try stage.makeCoupons()
        try stage.makeRows(coupon.lowerBound, holders)
        var recoveries: [Double] = []
        var wholes: [Double] = []
        var rates: [Double] = []
        var copies: [Double] = []
        _ = try firstAcceptance(stage, daemon, coupon)
        try waitUntilLoaded(stage)
        for _ in 0..<Stage.repeats {
            let start = nanoseconds()
            // Another thread of Redis frees the old holders: that is not part of the recovery.
            try stage.redis.call("FLUSHALL", "ASYNC")
            let accepted = try firstAcceptance(stage, daemon, coupon)
            recoveries.append(Double(accepted - start) / 1e9)
            let users = 20_000
            let generator = try stage.generator(daemon, coupon, users: users)
            rates.append(
                try generator.closedLoop(questions: users, pipeline: 16)
                    .checked(OutcomeCode.accepted).rate)
            // The load must not slow down the baseline.
            try waitUntilLoaded(stage)
            wholes.append(Double(nanoseconds() - start) / 1e9)
            copies.append(try await plainRecovery(stage, coupon.lowerBound, holders))
        }
        return [
            .ratio("recovery_large", recoveries, to: copies, unit: "s"),
            .plain("recovery_whole_load", wholes.median, of: wholes, unit: "s"),
            .plain("recovery_accepted_meanwhile", rates.median, of: rates, unit: "/s"),
        ]
    }
}

/// Waits until no load is in progress: a load has a claim from its beginning to its end.
private func waitUntilLoaded(_ stage: Stage) throws {
    let deadline = nanoseconds() + 60_000_000_000
    let claims = ["EVAL", "return #redis.call('KEYS', 'coupond:*:claim')", "0"]
    while try stage.redis.call(claims) != "0" {
        guard nanoseconds() < deadline else { throw BenchmarkError("the load does not end") }
        usleep(20_000)
    }
}

/// Asks until a request is accepted. When that was, in nanoseconds.
private func firstAcceptance(
    _ stage: Stage, _ daemon: Daemon, _ coupon: Range<Int>
) throws -> Int {
    let deadline = nanoseconds() + 60_000_000_000
    while nanoseconds() < deadline {
        let generator = try stage.generator(daemon, coupon, users: 1, connections: 1, capacity: 1)
        let result = try generator.oneByOne(questions: 1)
        if result.answers[OutcomeCode.accepted] == 1 { return nanoseconds() }
        usleep(1_000)
    }
    throw BenchmarkError("the coupon does not accept within a minute")
}

/// COPY of the rows to a file, then `redis-cli --pipe` of a file with the same holders; the seconds of both.
private func plainRecovery(_ stage: Stage, _ coupon: Int, _ count: Int) async throws -> Double {
    let folder = try TemporaryFolder()
    let rows = folder.path + "/rows"
    let start = nanoseconds()
    try stage.postgres.copyOut(
        """
        COPY (SELECT user_id, sequence, accepted_at, request_id FROM coupond.coupon_issue
            WHERE coupon_id = \(coupon)) TO STDOUT (FORMAT binary)
        """, to: rows)
    let copied = Double(nanoseconds() - start) / 1e9
    let commands = folder.path + "/commands"
    try writeHolders(count, to: commands)
    defer { _ = try? stage.redis.call("UNLINK", "bench:recovered") }
    let begin = nanoseconds()
    let process = try ServerProcess(
        "/bin/sh",
        arguments: [
            "-c", "exec redis-cli -p \(stage.redisServer.port) --pipe < '\(commands)'",
        ], in: folder.path)
    _ = try await process.waitForEnd(within: .seconds(60))
    let piped = Double(nanoseconds() - begin) / 1e9
    guard try stage.redis.call("HLEN", "bench:recovered") == "\(count)" else {
        throw BenchmarkError("redis-cli: \(process.logTail())")
    }
    return copied + piped
}

/// HSETs as `stage.lua` makes them: with as many holders each, and for each holder a user of 8 bytes and a
/// value of 43.
private func writeHolders(_ count: Int, to path: String) throws {
    guard let file = unsafe fopen(path, "w") else { throw BenchmarkError("cannot write \(path)") }
    defer { unsafe fclose(file) }
    let value = "$43\r\n" + String(repeating: "v", count: 43) + "\r\n"
    for first in stride(from: 1, through: count, by: Limits.holdersPerCommand) {
        let users = first..<min(first + Limits.holdersPerCommand, count + 1)
        var command = "*\(2 + 2 * users.count)\r\n$4\r\nHSET\r\n$15\r\nbench:recovered\r\n"
        for user in users { command += "$8\r\n\(10_000_000 + user)\r\n" + value }
        guard unsafe fputs(command, file) >= 0 else { throw BenchmarkError("cannot write \(path)") }
    }
}
