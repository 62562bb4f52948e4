/// Where a case takes place: a Redis, a database and daemons of its own, gone with the case.
internal import CouponClient
internal import CouponCore
internal import Foundation
internal import Synchronization
internal import TestSupport
internal import TestWorld

final class Scene: Sendable {
    /// As durable as in production; only what would come at odd moments is put off.
    static let postgresSettings = [
        "shared_buffers=512MB", "max_wal_size=8GB", "checkpoint_timeout=30min",
    ]

    let world: World
    let daemonCount: Int
    let isSmall: Bool
    private let name: String
    private let watch = Stopwatch()
    /// Every daemon that was ever started here.
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

    /// A full size as it is here.
    func size(_ full: Int) -> Int { isSmall ? max(1, full / 100) : full }

    /// Says what is done or waited for, and how long the case has lasted.
    func tell(_ text: String) {
        let line = "    \(name), \(short(watch.seconds)) s: \(text)\n"
        FileHandle.standardError.write(Data(line.utf8))
    }

    // MARK: Waiting

    /// Waits until something holds, and says beforehand what and for how long at most.
    /// - Parameter every: milliseconds between two looks; a look costs a process.
    func wait(
        for what: String, atMost limit: Int, every milliseconds: Int = 200,
        _ condition: () async throws -> Bool
    ) async throws {
        tell("waits until \(what), \(limit) s at most")
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

    /// SQL on a thread of its own: statements here may take long.
    @discardableResult
    func sql(_ text: String) async throws -> String { try await aside { try self.world.sql(text) } }

    /// The one number that a query gives.
    func number(_ query: String) async throws -> Int64 {
        let text = try await sql(query)
        guard let number = Int64(text) else { throw Unexpected(what: "\(query): \(text)") }
        return number
    }

    // MARK: Daemons

    /// Those that run.
    var daemons: [Coupond] { started.withLock { $0.filter(\.process.isRunning) } }

    /// One of them.
    var first: Coupond {
        get throws {
            guard let daemon = daemons.first else { throw Failed("no daemon runs") }
            return daemon
        }
    }

    /// Starts a daemon; it may not be ready yet.
    @discardableResult
    func startDaemon(_ arguments: [String] = [], descriptors: Int? = nil) throws -> Coupond {
        let daemon = try Coupond(world, arguments, descriptors: descriptors)
        started.withLock { $0.append(daemon) }
        return daemon
    }

    /// As many as the case is played with, without waiting for them.
    func startDaemons(_ arguments: [String] = []) throws {
        for _ in 0..<daemonCount { try startDaemon(arguments) }
    }

    /// Waits until every daemon says that its gates are open.
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

    /// Ends all of them in good order.
    func stopDaemons() async throws {
        for daemon in daemons { try await daemon.process.terminate(within: .seconds(90)) }
    }

    /// Ends everything.
    func close() async {
        for daemon in daemons { _ = try? await daemon.process.terminate(SIGKILL) }
        for daemon in started.withLock({ $0 }) { await daemon.client.close() }
        try? world.postgres.dropDatabase(world.database)
    }

    // MARK: What it cost

    /// From here on epochs of partition 0 count.
    func markEpochs() async throws {
        let epoch = try await epoch()
        markedEpoch.withLock { $0 = epoch }
    }

    func epochsSpent() async throws -> Double? {
        guard let marked = markedEpoch.withLock({ $0 }) else { return nil }
        return Double(try await epoch() - marked)
    }

    private func epoch() async throws -> Int64 {
        try await number("SELECT epoch FROM coupond.partition WHERE id = 0")
    }

    /// How often daemons said that they lost a session.
    var sessionsLost: Double {
        Double(
            started.withLock { $0 }.reduce(0) { sum, daemon in
                sum + daemon.logLines { $0.contains("session with PostgreSQL lost") }.count
            })
    }

    /// Copies the daemons' logs.
    /// - Returns: where to.
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
