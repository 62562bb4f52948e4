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

/// Latencies in an open loop, at half of the highest rate, so that queues are short.
func measureLatencies(_ stage: Stage) async throws -> [Figure] {
    let plain = PlainRows(stage: stage)
    var commits: [Double] = []
    var waits: [Double] = []
    var smallCommits: [Double] = []
    var accepts: [Double] = []
    var scripts: [Double] = []
    let sale = try await sell(stage).issued
    try await stage.withDaemon(eventLoops: nil) { daemon in
        let acceptRate = try highestAcceptRate(stage, daemon)
        let scriptRate = try await RedisBenchmark(stage: stage).script(
            requests: total, pipeline: 64)
        let rate = min(acceptRate, scriptRate) / 2
        let issueRate = try highestIssueRate(stage, daemon, offered: sale)
        for _ in 0..<Stage.repeats {
            let smallCommit = try plain.smallCommit()
            smallCommits.append(smallCommit)
            let coupon = try stage.makeLoadedCoupons(daemon)
            waits.append(
                try latency(
                    stage, daemon, coupon, rate: issueRate / 2, seconds: 3, waitsForIssue: true))
            commits.append(try commitLatency(stage, coupon) + smallCommit)
            accepts.append(
                try latency(
                    stage, daemon, stage.makeLoadedCoupons(daemon), rate: rate, seconds: 3,
                    waitsForIssue: false))
            scripts.append(try scriptLatency(stage, rate: rate, seconds: 3))
        }
    }
    return [
        .ratio("commit_latency_ratio", commits, to: smallCommits, unit: "s"),
        .ratio("request to ISSUED, small commits", waits, to: smallCommits, unit: "s"),
        .ratio("accept_latency_ratio", accepts, to: scripts, unit: "s"),
    ]
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

/// The highest rate of issues while more is offered. Requests that come one by one, as in an open loop, make
/// smaller batches than the pipelines of a sale, so the rate is measured with the same kind of load.
private func highestIssueRate(
    _ stage: Stage, _ daemon: Daemon, offered: Double
) throws -> Double {
    let questions = Int(offered * 2)
    let coupon = try stage.makeLoadedCoupons(daemon)
    let generator = try stage.generator(
        daemon, coupon, users: questions, waitsForIssue: true)
    return try generator.openLoop(questions: questions, rate: offered)
        .checked(OutcomeCode.issued).rate
}

/// p99 in seconds from the gate's acceptance to the commit, by the times that the servers recorded for each
/// row. PostgreSQL records a commit's time just before it writes the commit to disk.
private func commitLatency(_ stage: Stage, _ coupon: Range<Int>) throws -> Double {
    let microseconds = try stage.postgres.number(
        """
        SELECT percentile_disc(0.99) WITHIN GROUP (ORDER BY (extract(
            epoch FROM pg_xact_commit_timestamp(xmin) - accepted_at) * 1000000)::bigint)
        FROM coupond.coupon_issue WHERE coupon_id = \(coupon.lowerBound)
        """)
    return Double(microseconds) / 1e6
}

/// p99 in seconds from the time when a request was due.
private func latency(
    _ stage: Stage, _ daemon: Daemon, _ coupon: Range<Int>, rate: Double, seconds: Double,
    waitsForIssue: Bool
) throws -> Double {
    let questions = Int(rate * seconds)
    let generator = try stage.generator(
        daemon, coupon, users: questions, waitsForIssue: waitsForIssue)
    let result = try generator.openLoop(questions: questions, rate: rate)
        .checked(waitsForIssue ? OutcomeCode.issued : OutcomeCode.accepted)
    try stage.waitForIssues(coupon, questions + 1)
    return result.latency(99)
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
