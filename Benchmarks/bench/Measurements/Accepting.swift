/// Accepted requests, and their rows.
internal import Glibc

private let rows = 200_000

/// Accepts with a pipeline. Then drains the full queue, beside COPY and the reference loop.
func measureAccepting(_ stage: Stage) async throws -> [Figure] {
    let reference = try ReferenceLoop(stage)
    let plain = PlainRows(stage: stage)
    var drains: [Double] = []
    var copies: [Double] = []
    var references: [Double] = []
    let accepts = try await measureAccepting(
        stage, "accept_vs_script", requests: rows, pipeline: 64
    ) { coupon, lock in
        drains.append(try drainRate(stage, coupon, lock))
        try stage.postgres.run("TRUNCATE coupond.coupon_issue")
        copies.append(try plain.copy(rows))
        references.append(try reference.rate(seconds: 2))
    }
    return [
        accepts,
        .ratio("drain_vs_copy", drains, to: copies, unit: "rows/s"),
        .ratio("drain_vs_reference", drains, to: references, unit: "rows/s"),
    ]
}

/// Accepts with one request in flight on each connection.
func measureAcceptingOneByOne(_ stage: Stage) async throws -> [Figure] {
    let requests = 100_000
    let accepts = try await measureAccepting(
        stage, "accept_unpipelined_vs_script", requests: requests, pipeline: 1
    ) { coupon, lock in
        try lock.release()
        try stage.waitForIssues(coupon, requests + 1)
    }
    return [accepts]
}

/// Fills the queue while the partition's row is locked, so that nothing drains it, as nothing drains the
/// baseline's queue. Then calls `drain`.
private func measureAccepting(
    _ stage: Stage, _ key: String, requests: Int, pipeline: Int,
    drain: (Range<Int>, PartitionLock) throws -> Void
) async throws -> Figure {
    try await stage.withDaemon(eventLoops: 1) { daemon in
        var accepts: [Double] = []
        var scripts: [Double] = []
        for _ in 0..<Stage.repeats {
            let coupon = try stage.makeLoadedCoupons(daemon)
            try stage.waitForIssues(coupon, 1)
            let lock = try PartitionLock(stage, of: coupon)
            let generator = try stage.generator(daemon, coupon, users: requests)
            accepts.append(
                try generator.closedLoop(questions: requests, pipeline: pipeline)
                    .checked(OutcomeCode.accepted).rate)
            scripts.append(
                try await RedisBenchmark(stage: stage).script(
                    requests: requests, pipeline: pipeline))
            try drain(coupon, lock)
        }
        return .ratio(key, accepts, to: scripts, unit: "1/s")
    }
}

/// The same load on many coupons, and on one. The drain runs too.
func measureManyCoupons(_ stage: Stage) async throws -> [Figure] {
    try await stage.withDaemon(eventLoops: 1) { daemon in
        var rates: [Int: [Double]] = [:]
        for _ in 0..<Stage.repeats {
            for count in [1_000, 10_000, 1] {
                let coupons = try stage.makeLoadedCoupons(daemon, count)
                let generator = try stage.generator(daemon, coupons, users: rows)
                rates[count, default: []].append(
                    try generator.closedLoop(questions: rows, pipeline: 64)
                        .checked(OutcomeCode.accepted).rate)
                try stage.waitForIssues(coupons, rows + count)
            }
        }
        return [("growth_coupons", 1_000), ("growth_coupons_10k", 10_000)].map { key, count in
            .ratio(key, rates[count] ?? [], to: rates[1] ?? [], unit: "1/s")
        }
    }
}

/// Drains a full queue with ten million other rows in the table, and with none.
func measureManyRows(_ stage: Stage) async throws -> [Figure] {
    let others = 10_000_000
    return try await stage.withDaemon(eventLoops: 1) { daemon in
        let without = try (0..<Stage.repeats).map { _ in try drainOnce(stage, daemon) }
        // The rows are inserted without the index, which is made at the end. That takes one minute instead of
        // many.
        try stage.postgres.run(
            "ALTER TABLE coupond.coupon_issue DROP CONSTRAINT coupon_issue_pkey")
        try stage.postgres.run(
            """
            INSERT INTO coupond.coupon_issue
            SELECT 1 + n % 100, 1 + n * 2654435761 % 4294967296, n, now(), now(),
                '\\x07070707070707070707070707070707'::bytea
            FROM generate_series(1, \(others)) AS n
            """)
        try stage.postgres.run(
            "ALTER TABLE coupond.coupon_issue ADD PRIMARY KEY (coupon_id, user_id)")
        let with = try (0..<Stage.repeats).map { _ in try drainOnce(stage, daemon) }
        return [.ratio("growth_rows", with, to: without, unit: "rows/s")]
    }
}

private func drainOnce(_ stage: Stage, _ daemon: Daemon) throws -> Double {
    let coupon = try stage.makeLoadedCoupons(daemon)
    try stage.waitForIssues(coupon, 1)
    let lock = try PartitionLock(stage, of: coupon)
    let generator = try stage.generator(daemon, coupon, users: rows)
    _ = try generator.closedLoop(questions: rows, pipeline: 64).checked(OutcomeCode.accepted)
    return try drainRate(stage, coupon, lock)
}

/// Releases the lock of a full queue. The rate counts from the first commit that is seen to the last, without
/// the time until the scheduler notices that the lock is gone.
private func drainRate(
    _ stage: Stage, _ coupon: Range<Int>, _ lock: PartitionLock
) throws -> Double {
    try stage.postgres.run("CHECKPOINT")
    let before = try stage.issued(coupon)
    try lock.release()
    var first: (time: Int, issued: Int)?
    let deadline = nanoseconds() + 60_000_000_000
    while nanoseconds() < deadline {
        let issued = try stage.issued(coupon)
        let now = nanoseconds()
        if let first, issued == before + rows {
            return Double(issued - first.issued) / (Double(now - first.time) / 1e9)
        }
        if first == nil, issued > before { first = (now, issued) }
        usleep(2_000)
    }
    throw BenchmarkError("the queue is not drained")
}

/// Locks a partition's row, so that its cursor cannot move.
struct PartitionLock {
    private let session: Postgres

    init(_ stage: Stage, of coupon: Range<Int>) throws {
        session = try Postgres(stage.database)
        try session.run("BEGIN")
        let partitions = try session.number("SELECT count(*) FROM coupond.partition")
        try session.run(
            """
            SELECT id FROM coupond.partition
            WHERE id = \(coupon.lowerBound % partitions) FOR UPDATE
            """)
    }

    func release() throws { try session.run("COMMIT") }
}
