/// The servers of all subjects: a private Redis and a private PostgreSQL, as durable as promise 3 demands,
/// with the same settings for coupond and for the baselines.
internal import Glibc
internal import TestSupport

final class Stage {
    static let redisSettings = ["--auto-aof-rewrite-percentage", "0"]
    static let postgresSettings = [
        "shared_buffers=512MB", "max_wal_size=8GB", "checkpoint_timeout=30min",
    ]
    static let connections = 50
    static let repeats = 3

    let redisServer: RedisServer
    let postgresServer: PostgresServer
    let redis: Redis
    /// libpq's connection string for the database in use.
    private(set) var database = ""
    private(set) var postgres: Postgres
    private var nextCoupon = IssueDialect.coupons.lowerBound
    private var nextUser = 0

    init() async throws {
        redisServer = try await RedisServer(Self.redisSettings)
        postgresServer = try await PostgresServer(Self.postgresSettings)
        redis = try Redis(port: redisServer.port)
        postgres = try Postgres(postgresServer.connection())
    }

    /// Empties Redis, makes a new database, and starts daemons on them.
    func daemons(
        _ count: Int, eventLoops: Int?, isCounted: Bool = false
    ) async throws -> [Daemon] {
        try redis.call("FLUSHALL")
        database = try postgresServer.makeDatabase()
        postgres = try Postgres(database)
        var daemons: [Daemon] = []
        for _ in 0..<count {
            daemons.append(
                try await Daemon(
                    redisPort: redisServer.port, postgres: database, eventLoops: eventLoops,
                    isCounted: isCounted))
        }
        return daemons
    }

    /// Two daemons with one event loop each, the second one with TLS.
    func daemonPair() async throws -> (plain: Daemon, encrypted: Daemon) {
        let plain = try await daemons(1, eventLoops: 1)[0]
        let encrypted = try await Daemon(
            redisPort: redisServer.port, postgres: database, eventLoops: 1, hasTLS: true)
        return (plain, encrypted)
    }

    /// Runs `body` with one daemon, and stops it afterwards.
    func withDaemon<Value>(
        eventLoops: Int?, isCounted: Bool = false, _ body: (Daemon) async throws -> Value
    ) async throws -> Value {
        let daemon = try await daemons(1, eventLoops: eventLoops, isCounted: isCounted)[0]
        let value = try await body(daemon)
        try await daemon.stop()
        return value
    }

    /// Consecutive ids that no coupon has.
    func reserveCoupons(_ count: Int) -> Range<Int> {
        defer { nextCoupon += count }
        return nextCoupon..<nextCoupon + count
    }

    /// Writes coupons that are open now, with consecutive ids.
    func makeCoupons(_ count: Int = 1, total: Int? = nil) throws -> Range<Int> {
        let coupons = reserveCoupons(count)
        try postgres.run(
            """
            INSERT INTO coupond.coupon (id, title, total, opens_at, closes_at, state, version)
            SELECT id, 'bench', \(total.map(String.init) ?? "NULL"), now() - interval '1 minute',
                now() + interval '1 day', 1, 1
            FROM generate_series(\(coupons.lowerBound), \(coupons.upperBound - 1)) AS id
            """)
        return coupons
    }

    /// Writes issues of one coupon to users 1 to `count`.
    func makeRows(_ coupon: Int, _ count: Int) throws {
        try postgres.run(
            """
            SET synchronous_commit = off;
            INSERT INTO coupond.coupon_issue
            SELECT \(coupon), n, n, now(), now(), '\\x07070707070707070707070707070707'
            FROM generate_series(1, \(count)) AS n;
            UPDATE coupond.coupon SET issued = \(count), last_sequence = \(count)
            WHERE id = \(coupon);
            RESET synchronous_commit;
            """)
        try postgres.run("ANALYZE coupond.coupon_issue")
        try postgres.run("CHECKPOINT")
    }

    /// Reserves numbers of new users. Returns the first.
    func reserveUsers(_ count: Int) -> Int {
        defer { nextUser += count }
        return nextUser
    }

    /// A generator that asks for coupons with up to `users` new users.
    func generator(
        _ daemon: Daemon, _ coupons: Range<Int>, users: Int,
        connections: Int = Stage.connections, capacity: Int = 1_024, waitsForIssue: Bool = false
    ) throws -> LoadGenerator<IssueDialect> {
        let dialect = IssueDialect(
            coupons: coupons, firstUser: reserveUsers(users), waitsForIssue: waitsForIssue)
        return try LoadGenerator(
            dialect, port: daemon.port, connections: connections, capacity: capacity,
            tls: daemon.hasTLS ? LoadTLS() : nil)
    }

    /// Coupons that are open and loaded, because each was requested once.
    func makeLoadedCoupons(_ daemon: Daemon, _ count: Int = 1) throws -> Range<Int> {
        let coupons = try makeCoupons(count)
        let first = try generator(daemon, coupons, users: count, connections: 4)
        _ = try first.closedLoop(questions: count, pipeline: 64).checked(OutcomeCode.accepted)
        return coupons
    }

    /// Waits until the coupons have so many issues.
    func waitForIssues(_ coupons: Range<Int>, _ count: Int) throws -> Void {
        let deadline = nanoseconds() + 60_000_000_000
        while try issued(coupons) < count {
            guard nanoseconds() < deadline else { throw BenchmarkError("the queue is not drained") }
            usleep(2_000)
        }
    }

    /// The number of issues, by the count in the coupons' rows.
    func issued(_ coupons: Range<Int>) throws -> Int {
        try postgres.number(
            """
            SELECT coalesce(sum(issued), 0)::bigint FROM coupond.coupon
            WHERE id >= \(coupons.lowerBound) AND id < \(coupons.upperBound)
            """)
    }
}
