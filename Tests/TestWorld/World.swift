/// The servers of an end-to-end test: a real Redis, a real PostgreSQL, and daemons that can be killed.
package import CouponClient
package import CouponCore
internal import Foundation
internal import NIOCore
package import TestSupport

/// Servers and daemons of one test, on private sockets and ports. They stop when the world is released.
package final class World: Sendable {
    /// The Redis; the first node of a cluster, or the first server beside sentinels.
    package let redis: RedisServer
    /// The cluster, if Redis is one.
    package let cluster: RedisCluster?
    /// The sentinels, if Redis has some.
    package let sentinels: RedisSentinels?
    package let postgres: PostgresServer
    package let database: String
    package let folder: TemporaryFolder

    /// - Parameters:
    ///   - ownPostgres: true for tests that stop PostgreSQL; other tests share one server.
    ///   - clock: how many seconds Redis' clock is behind.
    ///   - certificates: for a Redis that speaks TLS.
    package init(
        ownPostgres: Bool = false, redis settings: [String] = [], clockBehindBy clock: Int? = nil,
        certificates: BackendCertificates? = nil
    ) async throws {
        folder = try TemporaryFolder()
        var environment: [String: String] = [:]
        if let clock {
            environment = try await TestSupport.environment(withClockBehindBy: clock, in: folder)
        }
        redis = try await RedisServer(
            settings, environment: environment, certificates: certificates)
        (cluster, sentinels) = (nil, nil)
        postgres = ownPostgres ? try await PostgresServer() : try await PostgresServer.shared()
        database = try postgres.makeDatabase()
        try await LeastRights.prepare(postgres, database)
    }

    /// - Parameters:
    ///   - postgres: a server that nobody else uses.
    ///   - cluster: nil if Redis is none.
    ///   - sentinels: nil if Redis has none.
    package init(
        postgres: PostgresServer, cluster: RedisCluster? = nil, sentinels: RedisSentinels? = nil
    ) async throws {
        (self.cluster, self.sentinels) = (cluster, sentinels)
        redis =
            if let first = cluster?.nodes[0] ?? sentinels?.servers[0] { first } else {
                try await RedisServer()
            }
        self.postgres = postgres
        database = try postgres.makeDatabase()
        folder = try TemporaryFolder()
        try await LeastRights.prepare(postgres, database)
    }

    /// - Parameters:
    ///   - postgres: a server that nobody else uses.
    ///   - database: the connection string, which may later lead to another server.
    package init(postgres: PostgresServer, database: String) async throws {
        redis = try await RedisServer()
        (cluster, sentinels) = (nil, nil)
        self.postgres = postgres
        self.database = database
        folder = try TemporaryFolder()
        try await LeastRights.prepare(postgres, database)
    }

    /// How daemons reach the database.
    package var daemonDatabase: String { LeastRights.connection(database, as: LeastRights.role) }

    /// The hash slot of a coupon's partition. Daemons under test have 16 partitions.
    package static func slot(of coupon: CouponID) -> Int {
        HashSlot(of: Partitioning(count: 16).partition(of: coupon)).rawValue
    }

    /// How daemons reach Redis.
    private var redisArguments: [String] {
        if let cluster { return ["--redis", "cluster:" + cluster.seeds.joined(separator: ",")] }
        if let sentinels { return ["--redis", sentinels.setting] }
        guard let certificates = redis.certificates else {
            return ["--redis", "unix:\(redis.socket)"]
        }
        return [
            "--redis", "127.0.0.1:\(redis.port)", "--redis-tls",
            "--redis-tls-ca", certificates.authority,
            "--redis-tls-certificate", certificates.client.certificate,
            "--redis-tls-key", certificates.client.key,
        ]
    }

    /// The flags of a daemon.
    /// - Parameters:
    ///   - redis: how it reaches Redis; nil for directly.
    ///   - postgres: how it reaches PostgreSQL; nil for directly.
    package func arguments(
        listening port: UInt16, redis: String? = nil, postgres: String? = nil
    ) throws -> [String] {
        let password = try folder.write(
            LeastRights.redisPassword + "\n", to: "redis-password-\(port)")
        return [
            "--listen", "127.0.0.1:\(port)", "--event-loops", "2", "--log-level", "debug",
            "--metrics-listen", "off",
        ] + (redis.map { ["--redis", $0] } ?? redisArguments) + [
            "--redis-user", LeastRights.redisUser, "--redis-password-file", password,
            "--postgres", postgres ?? daemonDatabase,
        ]
    }

    /// Starts a daemon and waits until it accepts.
    /// - Parameter failpoint: where the daemon kills itself.
    package func daemon(_ arguments: [String] = [], failpoint: Failpoint? = nil) async throws
        -> Daemon
    {
        let daemon = try Daemon(self, arguments, failpoint)
        try await daemon.ready()
        return daemon
    }

    /// Runs SQL without the daemon.
    @discardableResult
    package func sql(_ text: String) throws -> String { try postgres.query(text, on: database) }

    /// The number of issues of all coupons.
    package var issued: Int64 {
        get throws { Int64(try sql("SELECT count(*) FROM coupond.coupon_issue")) ?? 0 }
    }
}

/// A coupond process.
package final class Daemon: Sendable {
    package let process: ServerProcess
    package let client: CouponClient
    package let port: Int

    /// Starts a process.
    /// - Parameters:
    ///   - redis: how it reaches Redis; by default directly.
    ///   - postgres: how it reaches PostgreSQL; by default directly.
    ///   - tls: how its client uses TLS; nil if it does not.
    ///   - starter: a command that becomes the daemon, such as `prlimit`.
    ///   - passed: descriptors that it gets as 3 and following.
    package init(
        _ world: World, _ arguments: [String] = [], _ failpoint: Failpoint? = nil,
        environment: [String: String] = [:], redis: String? = nil, postgres: String? = nil,
        tls: ClientTLS? = nil, startedBy starter: [String] = [], passed: [Int32] = []
    ) throws {
        let free = try freePort()
        port = Int(free)
        let command = starter + [builtExecutable("coupond")]
        var flags = Array(command.dropFirst())
        let own = try world.arguments(listening: free, redis: redis, postgres: postgres)
        // `--listen` may be given more than once, so a test that gives it means only its own addresses.
        flags += arguments.contains("--listen") ? own.dropFirst(2) : own[...]
        process = try ServerProcess(
            command[0],
            arguments: flags + arguments,
            environment: environment.merging(
                failpoint.map { ["FAILPOINT": $0.rawValue] } ?? [:]
            ) { $1 },
            in: try world.folder.makeFolder("daemon-\(port)"), passed: passed)
        var configuration = ClientConfiguration.patient
        configuration.tls = tls
        configuration.connectionsPerAddress = 1
        client = CouponClient(
            address: ServerAddress(host: "127.0.0.1", port: port), configuration: configuration)
    }

    /// Waits until it accepts requests for every partition.
    package func ready() async throws {
        try await eventually("coupond is ready; its log ends:\n\(process.logTail(lines: 5))") {
            guard let reason = try await client.health() else { return true }
            throw Unexpected(what: "\(reason)")
        }
    }

    /// Kills the process, without a drain.
    package func kill() async throws {
        process.signal(SIGKILL)
        _ = try await process.waitForEnd()
    }

    /// Drains the daemon, and waits for its end. The daemon itself may take 18 seconds.
    @discardableResult
    package func stop() async throws -> ProcessEnd {
        process.signal(SIGTERM)
        return try await process.waitForEnd(within: .seconds(40))
    }
}

extension ClientConfiguration {
    /// For clients of tests: only a failing test should reach these limits, and a busy machine may be slow.
    package static var patient: ClientConfiguration {
        var configuration = ClientConfiguration()
        configuration.connectTimeout = .seconds(20)
        configuration.deadline = .seconds(20)
        // The daemon's own answer says more than the client's.
        configuration.answerGrace = .seconds(5)
        return configuration
    }
}

extension Coupon {
    /// A coupon for a test, open now.
    package static func offer(
        _ id: Int64, total: Int64?, opensIn: Double = -60, closesIn: Double = 3_600
    ) -> Coupon {
        Coupon(
            id: CouponID(id), title: "Coupon \(id)", total: total,
            window: Window(opens: .now(plus: opensIn), closes: .now(plus: closesIn)))
    }
}

extension Timestamp {
    /// The time in so many seconds; negative is in the past.
    package static func now(plus seconds: Double) -> Timestamp {
        Timestamp(microseconds: Int64((Date().timeIntervalSince1970 + seconds) * 1_000_000))
    }
}
