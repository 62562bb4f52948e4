/// Whole sales: from the first request to the last row.
internal import TestSupport

private let total = 200_000

/// A sale of 200,000 to 220,000 users by a daemon with default settings, and the daemon's memory.
func measureSale(_ stage: Stage) async throws -> [Figure] {
    let reference = try ReferenceLoop(stage)
    var sales: [Double] = []
    var references: [Double] = []
    var memory: [Double] = []
    for _ in 0..<Stage.repeats {
        let sale = try await sell(stage)
        sales.append(sale.issued)
        memory.append(sale.memory / 1_024)
        references.append(try reference.rate(seconds: 2))
    }
    return [
        .ratio("sale_vs_reference", sales, to: references, unit: "rows/s"),
        .plain("rss_under_load_mib", memory.max() ?? 0, of: memory, unit: "MiB"),
    ]
}

/// Rows a second over the whole sale, and the daemon's highest resident memory in KiB.
private func sell(_ stage: Stage) async throws -> (issued: Double, memory: Double) {
    try await stage.withDaemon(eventLoops: nil) { daemon in
        let users = total + total / 10
        let coupon = try stage.makeCoupons(1, total: total)
        let generator = try stage.generator(daemon, coupon, users: users)
        let start = nanoseconds()
        let result = try generator.closedLoop(questions: users, pipeline: 64)
        try stage.waitForIssues(coupon, total)
        let seconds = Double(nanoseconds() - start) / 1e9
        guard result.answers[OutcomeCode.accepted] == total,
            result.answers[OutcomeCode.soldOut] == users - total
        else { throw BenchmarkError("the sale's answers do not add up") }
        return (Double(total) / seconds, try daemon.memory("VmHWM"))
    }
}

/// Latencies of acceptances in an open loop, at half of the highest rate, so that queues are short.
func measureAcceptLatency(_ stage: Stage) async throws -> [Figure] {
    var accepts: [Double] = []
    var scripts: [Double] = []
    try await stage.withDaemon(eventLoops: nil) { daemon in
        let acceptRate = try highestAcceptRate(stage, daemon)
        let scriptRate = try await RedisBenchmark(stage: stage).script(
            requests: total, pipeline: 64)
        let rate = min(acceptRate, scriptRate) / 2
        for _ in 0..<Stage.repeats {
            let coupon = try stage.makeLoadedCoupons(daemon)
            let questions = Int(rate * 3)
            let generator = try stage.generator(daemon, coupon, users: questions)
            accepts.append(
                try generator.openLoop(questions: questions, rate: rate)
                    .checked(OutcomeCode.accepted).latency(99))
            try stage.waitForIssues(coupon, questions + 1)
            scripts.append(try scriptLatency(stage, rate: rate, seconds: 3))
        }
    }
    return [.ratio("accept_latency_ratio", accepts, to: scripts, unit: "s")]
}

/// From a request to ISSUED at 10,000 requests a second, in an open loop, and a small commit every 10 ms
/// beside it.
func measureIssuedLatency(_ stage: Stage) async throws -> [Figure] {
    let (rate, seconds) = (10_000.0, 10)
    var issued: [LoadResult] = []
    var commits: [[Double]] = []
    try await stage.withDaemon(eventLoops: nil) { daemon in
        try stage.postgres.run("CREATE TABLE small_commit (id bigint)")
        for _ in 0..<Stage.repeats {
            let questions = Int(rate) * seconds
            let coupon = try stage.makeLoadedCoupons(daemon)
            let generator = try stage.generator(
                daemon, coupon, users: questions, waitsForIssue: true)
            let small = BackgroundLoad { [database = stage.database] in
                try pacedCommits(database, seconds: seconds)
            }
            issued.append(
                try generator.openLoop(questions: questions, rate: rate)
                    .checked(OutcomeCode.issued))
            commits.append(try small.result())
        }
    }
    return [("issued_latency", 99.0), ("issued_latency_p50", 50.0)].map { key, percent in
        .ratio(
            key, issued.map { $0.latency(percent) }, to: commits.map { $0.percentile(percent) },
            unit: "s")
    }
}

/// The highest rate of acceptances while the drain runs.
private func highestAcceptRate(_ stage: Stage, _ daemon: Daemon) throws -> Double {
    let coupon = try stage.makeLoadedCoupons(daemon)
    let generator = try stage.generator(daemon, coupon, users: total)
    let result = try generator.closedLoop(questions: total, pipeline: 64)
        .checked(OutcomeCode.accepted)
    try stage.waitForIssues(coupon, total + 1)
    return result.rate
}

private func scriptLatency(_ stage: Stage, rate: Double, seconds: Double) throws -> Double {
    let questions = Int(rate * seconds)
    let gate = try GateScript(stage.redis)
    let dialect = ScriptDialect(
        digest: gate.digest, keys: GateScript.keys, limit: GateScript.limit,
        firstUser: stage.reserveUsers(questions))
    let generator = try LoadGenerator(
        dialect, port: stage.redisServer.port, connections: Stage.connections, capacity: 4_096)
    return try generator.openLoop(questions: questions, rate: rate).checked(0).latency(99)
}
