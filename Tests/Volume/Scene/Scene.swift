/// The Redis, the database and the daemons of one case.
internal import CouponClient
internal import CouponCore
internal import Foundation
internal import Synchronization
internal import TestSupport
internal import TestWorld

final class Scene: Sendable {
    /// As durable as in production, but without checkpoints at random moments.
    static let postgresSettings = [
        "shared_buffers=512MB", "max_wal_size=8GB", "checkpoint_timeout=30min",
        "min_wal_size=\(logSegments * 16)MB",
    ]
    private static let logSegments = 120

    /// Makes files for the log in advance, because a server that has run for a while has some. A new file is
    /// written in full and synced while every COMMIT waits.
    static func prepareLog(of postgres: PostgresServer) throws {
        try postgres.query(
            """
            DO $$ BEGIN
                FOR i IN 1..\(logSegments) LOOP
                    PERFORM pg_logical_emit_message(false, 'volume', 'x'), pg_switch_wal();
                END LOOP;
            END $$
            """, on: postgres.connection())
        try postgres.query("CHECKPOINT", on: postgres.connection())
    }

    let world: World
    let daemonCount: Int
    let isSmall: Bool
    private let name: String
    private let watch = Stopwatch()
    /// All daemons that were started, even those that have ended.
    private let started = Mutex<[Coupond]>([])
    private let markedEpoch = Mutex<Int64?>(nil)

    init(
        _ name: String, on postgres: PostgresServer, daemonCount: Int, isSmall: Bool
    ) async throws {
        self.name = name
        self.daemonCount = daemonCount
        self.isSmall = isSmall
        world = try await World(postgres: postgres)
        try await world.redis.cli("CONFIG", "SET", "auto-aof-rewrite-percentage", "0")
    }

    /// The size for this run.
    func size(_ full: Int) -> Int { isSmall ? max(1, full / 100) : full }

    /// Prints what the case does or waits for, and how long it has run.
    func log(_ text: String) {
        let line = "    \(name), \(formatted(watch.seconds)) s: \(text)\n"
        FileHandle.standardError.write(Data(line.utf8))
    }

    // MARK: Waiting

    /// Waits until a condition holds. First prints what it waits for, and for how long at most.
    /// - Parameter every: milliseconds between two checks; a check starts a process.
    func wait(
        for what: String, atMost limit: Int, every milliseconds: Int = 200,
        _ condition: () async throws -> Bool
    ) async throws {
        log("waits until \(what), \(limit) s at most")
        try await eventually(what, within: .seconds(limit)) {
            do {
                if try await condition() { return true }
            } catch {
                try await Task.sleep(for: .milliseconds(milliseconds))
                throw error
            }
            try await Task.sleep(for: .milliseconds(milliseconds))
            return false
        }
    }

    // MARK: Servers

    /// Runs SQL on a thread of its own, because statements may take long.
    @discardableResult
    func sql(_ text: String) async throws -> String {
        try await onOwnThread { try self.world.sql(text) }
    }

    /// The number that a query returns.
    func number(_ query: String) async throws -> Int64 {
        let text = try await sql(query)
        guard let number = Int64(text) else { throw Unexpected(what: "\(query): \(text)") }
        return number
    }

    // MARK: Daemons

    /// The running daemons.
    var daemons: [Coupond] { started.withLock { $0.filter(\.process.isRunning) } }

    /// One of the running daemons.
    var first: Coupond {
        get throws {
            guard let daemon = daemons.first else { throw Failed("no daemon runs") }
            return daemon
        }
    }

    /// Starts a daemon. It may not be ready yet.
    @discardableResult
    func startDaemon(_ arguments: [String] = [], descriptors: Int? = nil) throws -> Coupond {
        let daemon = try Coupond(world, arguments, descriptors: descriptors)
        started.withLock { $0.append(daemon) }
        return daemon
    }

    /// Starts the case's number of daemons, without waiting for them.
    func startDaemons(_ arguments: [String] = []) throws {
        for _ in 0..<daemonCount { try startDaemon(arguments) }
    }

    /// Waits until every daemon reports that its gates are open.
    func ready(atMost limit: Int = 30) async throws {
        try await wait(for: "every gate is open", atMost: limit, every: 50) {
            for daemon in daemons where try await daemon.client.health() != nil { return false }
            return true
        }
    }

    /// Waits until every daemon accepts a user for a coupon of partition 0.
    func waitUntilOpen(_ coupon: CouponID = Coupons.beside, atMost limit: Int) async throws {
        try await wait(for: "the gate is open", atMost: limit, every: 50) {
            for daemon in daemons where try await !daemon.accepts(coupon) { return false }
            return true
        }
    }

    /// Drains and ends all daemons.
    func stopDaemons() async throws {
        for daemon in daemons { try await daemon.process.terminate(within: .seconds(90)) }
    }

    /// Kills the daemons, and drops the database.
    func close() async {
        for daemon in daemons { _ = try? await daemon.process.terminate(SIGKILL) }
        for daemon in started.withLock({ $0 }) { await daemon.client.close() }
        try? world.postgres.dropDatabase(world.database)
    }

    // MARK: What it cost

    /// Counts the epochs of partition 0 from here on.
    func markEpochs() async throws {
        let epoch = try await epoch()
        markedEpoch.withLock { $0 = epoch }
    }

    func epochsSpent() async throws -> Double? {
        guard let marked = markedEpoch.withLock({ $0 }) else { return nil }
        return Double(try await epoch() - marked)
    }

    /// The epoch of partition 0.
    func epoch() async throws -> Int64 {
        try await number("SELECT epoch FROM coupond.partition WHERE id = 0")
    }

    /// How often daemons logged that they lost a session.
    var sessionsLost: Double { logged("session with PostgreSQL lost") }

    /// How many lines of the daemons' logs contain a text.
    func logged(_ text: String) -> Double {
        Double(
            started.withLock { $0 }.reduce(0) { sum, daemon in
                sum + daemon.logLines { $0.contains(text) }.count
            })
    }

    /// Copies the daemons' logs.
    /// - Returns: the folder.
    func keepLogs(in folder: String) -> String {
        let files = FileManager.default
        try? files.removeItem(atPath: folder)
        try? files.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for daemon in started.withLock({ $0 }) {
            try? files.copyItem(atPath: daemon.process.log, toPath: "\(folder)/\(daemon.port).log")
        }
        return folder
    }
}
