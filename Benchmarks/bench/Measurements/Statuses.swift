/// Statuses of one coupon. A third of the users is issued, a third is queued, and a third is unknown.
internal import CouponCore
internal import TestSupport

private let third = 100_000

/// The rate of statuses beside plain selects, and the latency of a single status.
func measureStatuses(_ stage: Stage) async throws -> [Figure] {
    try await stage.withDaemon(eventLoops: nil) { daemon in
        let world = try StatusWorld(stage, daemon)
        let plain = try PlainSelect(stage, rows: 3 * third)
        var figures: [Figure] = []
        for (key, pipeline, questions) in [
            ("status_vs_select", 16, 300_000), ("status_unpipelined_vs_select", 1, 100_000),
        ] {
            var statuses: [Double] = []
            var selects: [Double] = []
            for _ in 0..<Stage.repeats {
                statuses.append(try world.rate(questions: questions, pipeline: pipeline))
                selects.append(try await plain.rate(seconds: 3))
            }
            figures.append(.ratio(key, statuses, to: selects, unit: "1/s"))
        }
        var alone: [Double] = []
        var pairs: [Double] = []
        for _ in 0..<Stage.repeats {
            alone.append(
                try world.generator(daemon.port, connections: 1, capacity: 1)
                    .oneByOne(questions: 3_000).checked(StatusDialect.status).latency(50))
            pairs.append(try plain.latencyAfterScript(rounds: 3_000))
        }
        figures.append(.ratio("status_idle_ratio", alone, to: pairs, unit: "s"))
        try world.release()
        return figures
    }
}

/// How much statuses at half of their highest rate slow down requests, loads, lookups and admin methods. For
/// the baseline the same generator asks an echo server.
func measureBesideStatuses(_ stage: Stage) async throws -> [Figure] {
    try await stage.withDaemon(eventLoops: nil) { daemon in
        let world = try StatusWorld(stage, daemon)
        let echo = try EchoServer()
        let rate = try world.rate(questions: 300_000, pipeline: 16) / 2
        let figures = try BesideStatuses.allCases.map { kind in
            var (statuses, echoes): ([Double], [Double]) = ([], [])
            for _ in 0..<Stage.repeats {
                statuses.append(
                    try world.beside(daemon.port, rate: rate) { try kind.latency(stage, daemon) })
                echoes.append(
                    try world.beside(echo.port, rate: rate) { try kind.latency(stage, daemon) })
            }
            return Figure.ratio(kind.rawValue, statuses, to: echoes, unit: "s")
        }
        try world.release()
        return figures
    }
}

/// What callers ask beside statuses.
private enum BesideStatuses: String, CaseIterable {
    case issues = "issue_p99_under_status"
    case loads = "load_under_status"
    case lookups = "lookup_under_status"
    case admin = "admin_under_status"

    /// The p99 in seconds, with an open loop.
    func latency(_ stage: Stage, _ daemon: Daemon) throws -> Double {
        switch self {
        case .issues:
            try stage.generator(daemon, try stage.makeLoadedCoupons(daemon), users: 10_000)
                .openLoop(questions: 10_000, rate: 2_000)
                .checked(OutcomeCode.accepted).latency(99)
        case .loads:
            try stage.generator(daemon, try stage.makeCoupons(1_000), users: 1_000)
                .openLoop(questions: 1_000, rate: 200)
                .checked(OutcomeCode.accepted).latency(99)
        case .lookups:
            try stage.generator(daemon, stage.reserveCoupons(1_000), users: 1_000)
                .openLoop(questions: 1_000, rate: 200)
                .checked(OutcomeCode.notFound).latency(99)
        case .admin:
            try LoadGenerator(
                GetCouponDialect(coupon: try stage.makeCoupons().lowerBound), port: daemon.port,
                connections: Stage.connections, capacity: 64
            ).openLoop(questions: 1_000, rate: 200)
                .checked(GetCouponDialect.coupon).latency(99)
        }
    }
}

/// A coupon with users of each kind.
private struct StatusWorld {
    private let stage: Stage
    private let daemon: Daemon
    private let coupon: Range<Int>
    private let firstUser: Int
    private let lock: PartitionLock

    init(_ stage: Stage, _ daemon: Daemon) throws {
        self.stage = stage
        self.daemon = daemon
        coupon = try stage.makeLoadedCoupons(daemon)
        firstUser = stage.reserveUsers(3 * third)
        try Self.accept(daemon, coupon, firstUser)
        try stage.waitForIssues(coupon, third + 1)
        lock = try PartitionLock(stage, of: coupon)
        try Self.accept(daemon, coupon, firstUser + third)
    }

    private static func accept(_ daemon: Daemon, _ coupon: Range<Int>, _ first: Int) throws {
        let dialect = IssueDialect(coupons: coupon, firstUser: first)
        _ = try LoadGenerator(
            dialect, port: daemon.port, connections: Stage.connections, capacity: 64
        ).closedLoop(questions: third, pipeline: 64).checked(OutcomeCode.accepted)
    }

    func release() throws { try lock.release() }

    func generator(
        _ port: Int, connections: Int = Stage.connections, capacity: Int = 64
    ) throws -> LoadGenerator<StatusDialect> {
        try LoadGenerator(
            dialect, port: port, connections: connections, capacity: capacity)
    }

    private var dialect: StatusDialect {
        StatusDialect(coupon: coupon.lowerBound, firstUser: firstUser, users: 3 * third)
    }

    func rate(questions: Int, pipeline: Int) throws -> Double {
        try generator(daemon.port).closedLoop(questions: questions, pipeline: pipeline)
            .checked(StatusDialect.status).rate
    }

    /// Runs `body` during six seconds of status requests at a fixed rate.
    func beside(
        _ port: Int, rate: Double, _ body: () throws -> Double
    ) throws -> Double {
        let dialect = self.dialect
        let load = BackgroundLoad {
            try LoadGenerator(
                dialect, port: port, connections: Stage.connections,
                capacity: Limits.statusesInFlightPerConnection
            ).openLoop(questions: Int(rate * 6), rate: rate)
        }
        let value = try body()
        _ = try load.result().checked(
            port == daemon.port ? StatusDialect.status : StatusDialect.echo)
        return value
    }
}
