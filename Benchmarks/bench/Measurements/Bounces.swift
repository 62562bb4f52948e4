/// Requests for a sold-out coupon: the daemon answers without Redis.

/// Compared with GET, with one thread each: the daemon has one event loop, Redis and both generators have one
/// thread.
func measureBounces(_ stage: Stage) async throws -> [Figure] {
    try await stage.withDaemon(eventLoops: 1) { daemon in
        let coupon = try sellOut(stage, daemon)
        let benchmark = RedisBenchmark(stage: stage)
        let echo = try EchoServer()
        var figures: [Figure] = []
        for (key, pipeline, requests) in [
            ("bounce_vs_redis_get", 16, 1_000_000), ("bounce_unpipelined_vs_redis_get", 1, 200_000),
        ] {
            var bounces: [Double] = []
            var gets: [Double] = []
            for _ in 0..<Stage.repeats {
                bounces.append(
                    try bounceRate(
                        stage, daemon, coupon, requests: requests, pipeline: pipeline,
                        connections: Stage.connections))
                gets.append(try await benchmark.get(requests: requests, pipeline: pipeline))
            }
            figures.append(.ratio(key, bounces, to: gets, unit: "1/s"))
            let limit = try echoRate(echo, coupon, requests: requests, pipeline: pipeline)
            figures.append(
                .plain("generator's limit, pipeline \(pipeline)", limit, of: [limit], unit: "1/s"))
        }
        return figures
    }
}

/// With 5,000 connections and with 50. The pipeline is the same, so the load grows with the connections.
func measureManyConnections(_ stage: Stage) async throws -> [Figure] {
    try await stage.withDaemon(eventLoops: 1) { daemon in
        let coupon = try sellOut(stage, daemon)
        var rates: [Int: [Double]] = [:]
        for _ in 0..<Stage.repeats {
            for connections in [5_000, Stage.connections] {
                rates[connections, default: []].append(
                    try bounceRate(
                        stage, daemon, coupon, requests: 1_000_000, pipeline: 16,
                        connections: connections))
            }
        }
        return [
            .ratio(
                "growth_connections", rates[5_000] ?? [], to: rates[Stage.connections] ?? [],
                unit: "1/s")
        ]
    }
}

/// Connections without requests.
func measureIdleConnections(_ stage: Stage) async throws -> [Figure] {
    let count = 10_000
    return try await stage.withDaemon(eventLoops: nil) { daemon in
        let before = try daemon.memory("VmRSS")
        let coupons = try stage.makeCoupons()
        let generator = try stage.generator(
            daemon, coupons, users: 0, connections: count, capacity: 1)
        // Connections are accepted in order: when the last one is answered, the daemon has accepted all.
        let probe = try stage.generator(daemon, coupons, users: 1, connections: 1)
        _ = try probe.closedLoop(questions: 1, pipeline: 1)
        let grown = try daemon.memory("VmRSS") - before
        withExtendedLifetime(generator) {}
        return [
            .plain(
                "idle_connection_kib", grown / Double(count), of: [before, before + grown],
                unit: "KiB")
        ]
    }
}

/// callgrind's count of instructions of a daemon with one event loop. It counts the whole process.
func measureInstructions(_ stage: Stage) async throws -> [Figure] {
    let requests = 100_000
    return try await stage.withDaemon(eventLoops: 1, isCounted: true) { daemon in
        let coupon = try sellOut(stage, daemon)
        let generator = try stage.generator(daemon, coupon, users: requests)
        try await Callgrind.toggle(daemon, isOn: true)
        _ = try generator.closedLoop(questions: requests, pipeline: 16)
            .checked(OutcomeCode.soldOut)
        try await Callgrind.toggle(daemon, isOn: false)
        let instructions = try await Callgrind.count(daemon)
        let each = instructions / Double(requests)
        return [
            .plain("instructions_per_bounce", each, of: [instructions], unit: "instructions")
        ]
    }
}

/// A coupon that this daemon knows as sold out.
func sellOut(_ stage: Stage, _ daemon: Daemon) throws -> Range<Int> {
    let coupon = try stage.makeCoupons(1, total: 1)
    let buyer = try stage.generator(daemon, coupon, users: 1, connections: 1)
    _ = try buyer.closedLoop(questions: 1, pipeline: 1).checked(OutcomeCode.accepted)
    try stage.waitForIssues(coupon, 1)
    return coupon
}

private func bounceRate(
    _ stage: Stage, _ daemon: Daemon, _ coupon: Range<Int>, requests: Int, pipeline: Int,
    connections: Int
) throws -> Double {
    let generator = try stage.generator(
        daemon, coupon, users: requests, connections: connections, capacity: pipeline)
    return try generator.closedLoop(questions: requests, pipeline: pipeline)
        .checked(OutcomeCode.soldOut).rate
}

private func echoRate(
    _ echo: EchoServer, _ coupon: Range<Int>, requests: Int, pipeline: Int
) throws -> Double {
    let generator = try LoadGenerator(
        IssueDialect(coupons: coupon, firstUser: 0), port: echo.port,
        connections: Stage.connections, capacity: pipeline)
    return try generator.closedLoop(questions: requests, pipeline: pipeline).rate
}
