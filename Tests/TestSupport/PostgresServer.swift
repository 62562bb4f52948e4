/// A private PostgreSQL with a unix socket only, and with fsync as in production.
internal import Foundation
internal import Synchronization

/// PostgreSQL for tests. It is killed, and its folder removed, when the last reference goes.
///
/// Most tests share one server, and each has a database. A test that stops or kills PostgreSQL has its own
/// server.
public final class PostgresServer: Sendable {
    private let folder: TemporaryFolder
    private let programs: String
    private let settings: [String]
    private let process = Mutex<ServerProcess?>(nil)
    private let databases = Mutex<Int>(0)
    private let logDisk: LogDisk?

    /// PostgreSQL refuses to run as root.
    private static let user: String? = geteuid() == 0 ? "postgres" : nil
    private static let firstOne = Task { () async throws -> PostgresServer in
        let server = try await PostgresServer()
        // A static is never released, so the folder is removed at exit.
        atexit { PostgresServer.removeSharedServer() }
        sharedServer.withLock { $0 = server }
        return server
    }
    private static let sharedServer = Mutex<PostgresServer?>(nil)

    private static func removeSharedServer() {
        guard let server = sharedServer.withLock({ $0 }) else { return }
        server.process.withLock { $0 = nil }
        try? FileManager.default.removeItem(atPath: server.folder.path)
    }

    /// The server that the tests of this process share. No test may stop it.
    public static func shared() async throws -> PostgresServer { try await firstOne.value }

    /// Makes a cluster and starts it.
    /// - Parameters:
    ///   - settings: further settings, such as `wal_level=minimal`; a later one wins.
    ///   - smallLogDisk: whether its log is on a small disk of its own, which ``fillLogDisk()`` fills.
    /// - Throws: ``ServerProcessError``, for instance if the disk cannot be mounted.
    public init(_ settings: [String] = [], smallLogDisk: Bool = false) async throws {
        self.settings = settings
        programs = try Self.findPrograms()
        folder = try TemporaryFolder()
        logDisk =
            smallLogDisk ? try LogDisk(folder.makeFolder("log"), owner: Self.user ?? "") : nil
        _ = try folder.makeFolder("data", owner: Self.user)
        _ = try folder.makeFolder("socket", owner: Self.user)
        // No sync while it is made: that would only delay the first test.
        let initdb = try ServerProcess(
            programs + "/initdb",
            arguments: [
                "--pgdata", folder.file("data"), "--username", "coupond", "--auth", "trust",
                "--encoding", "UTF8", "--locale", "C", "--no-sync",
            ] + (logDisk.map { ["--waldir", $0.path, "--wal-segsize", "1"] } ?? []),
            in: folder.path, user: Self.user)
        guard try await initdb.waitForEnd(within: .seconds(60)) == .code(0) else {
            throw ServerProcessError(description: "initdb failed:\n\(initdb.logTail())")
        }
        try await start()
        for role in [LeastRights.owner, LeastRights.role] {
            try query("CREATE ROLE \(role) LOGIN", on: connection())
        }
    }

    /// A copy of another server as it is now, by pg_basebackup, on a socket of its own.
    /// - Parameter streaming: true for a standby that follows the primary; otherwise the copy is independent.
    public init(copyOf primary: PostgresServer, streaming: Bool) async throws {
        settings = primary.settings
        programs = primary.programs
        folder = try TemporaryFolder()
        logDisk = nil
        _ = try folder.makeFolder("data", owner: Self.user)
        _ = try folder.makeFolder("socket", owner: Self.user)
        let copy = try ServerProcess(
            programs + "/pg_basebackup",
            arguments: [
                "--pgdata", folder.file("data"), "--dbname", primary.connection(),
                "--checkpoint", "fast", "--no-sync",
            ] + (streaming ? ["--write-recovery-conf"] : []), in: folder.path, user: Self.user)
        guard try await copy.waitForEnd(within: .seconds(60)) == .code(0) else {
            throw ServerProcessError(description: "pg_basebackup failed:\n\(copy.logTail())")
        }
        try await start()
    }

    deinit {
        process.withLock { $0 = nil }
        logDisk?.unmount()
    }

    /// The programs of the newest PostgreSQL on this machine. Debian does not put them into PATH.
    private static func findPrograms() throws(ServerProcessError) -> String {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        let newest = versions.compactMap(Int.init).max()
        let candidates = [newest.map { "\(root)/\($0)/bin" }, "/usr/bin", "/usr/local/bin"]
        for folder in candidates.compactMap({ $0 })
        where FileManager.default.isExecutableFile(atPath: folder + "/initdb") {
            return folder
        }
        throw ServerProcessError(description: "no initdb: install PostgreSQL's server")
    }

    /// The path of a program that came with it, such as `pgbench`.
    public func program(_ name: String) -> String { "\(programs)/\(name)" }

    /// The path of its unix socket.
    public var socket: String { folder.file("socket") + "/.s.PGSQL.5432" }

    /// The folder of its socket, which libpq takes as the host.
    public var socketFolder: String { folder.file("socket") }

    /// libpq's connection string for a database.
    public func connection(to database: String = "postgres") -> String {
        "host=\(socketFolder) user=coupond dbname=\(database)"
    }

    /// Makes an empty database.
    /// - Parameter encoding: nil for that of the server.
    /// - Returns: its connection string.
    public func makeDatabase(encoding: String? = nil) throws -> String {
        let number = databases.withLock {
            $0 += 1
            return $0
        }
        let form = encoding.map { " ENCODING '\($0)' LOCALE 'C' TEMPLATE template0" } ?? ""
        try query("CREATE DATABASE test\(number)\(form)", on: connection())
        return connection(to: "test\(number)")
    }

    /// Removes a database, because each one makes recovery after a crash longer.
    /// - Parameter connection: the string that ``makeDatabase()`` returned.
    public func dropDatabase(_ connection: String) throws {
        guard let name = connection.split(separator: "=").last else { return }
        try query("DROP DATABASE \(name) WITH (FORCE)", on: self.connection())
    }

    /// Runs SQL with psql, without the code under test. Rows are lines, columns are separated by `|`.
    @discardableResult
    public func query(_ sql: String, on connection: String) throws -> String {
        let psql = Process()
        psql.executableURL = URL(fileURLWithPath: programs + "/psql")
        psql.arguments = [
            "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1",
            "--dbname", connection, "--command", sql,
        ]
        let (output, errors) = (Pipe(), Pipe())
        psql.standardOutput = output
        psql.standardError = errors
        try psql.run()
        let text = String(
            decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let message = String(
            decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        psql.waitUntilExit()
        guard psql.terminationStatus == 0 else {
            throw ServerProcessError(description: "psql: \(message)")
        }
        return text.trimmingCharacters(in: .newlines)
    }

    /// Starts psql with these commands and an input that stays empty. If the last command is COPY FROM STDIN,
    /// the client hangs in the middle of it.
    public func startSilentClient(
        _ commands: [String], on connection: String
    ) throws -> ServerProcess {
        try ServerProcess(
            "/bin/sh",
            arguments: [
                "-c", "sleep 600 | \"$0\" \"$@\"", programs + "/psql", "--no-psqlrc",
                "--dbname", connection,
            ] + commands.flatMap { ["--command", $0] }, in: folder.path)
    }

    /// Starts the server again after a stop or a kill, and waits until it answers.
    public func start() async throws {
        try await eventually("PostgreSQL answers", within: .seconds(60)) {
            // The server ends at once while a killed backend has the old shared memory.
            if process.withLock({ $0?.isRunning }) != true { try launch() }
            return try query("SELECT 1", on: connection()) == "1"
        }
    }

    private func launch() throws {
        // Suites that run side by side share it, and each of their daemons has several sessions.
        let server = try ServerProcess(
            programs + "/postgres",
            arguments: [
                "-D", folder.file("data"), "-c", "listen_addresses=",
                "-c", "unix_socket_directories=\(folder.file("socket"))",
                "-c", "max_connections=200", "-c", "shared_buffers=32MB",
            ] + settings.flatMap { ["-c", $0] }, in: folder.path, user: Self.user)
        process.withLock { $0 = server }
    }

    /// Fills the disk of its log.
    public func fillLogDisk() { logDisk?.fill() }

    /// Makes room for its log again, and starts the server if it has ended.
    public func emptyLogDisk() async throws {
        logDisk?.makeRoom()
        try await eventually("PostgreSQL answers, or has ended") {
            if !(process.withLock { $0?.isRunning ?? false }) { return true }
            return try query("SELECT 1", on: connection()) == "1"
        }
        if !(process.withLock { $0?.isRunning ?? false }) { try await start() }
    }

    /// Stops the server as an operator would: sessions end, and no commit is lost.
    public func stop() async throws {
        let server = process.withLock { $0 }
        try await server?.terminate(SIGINT)
        process.withLock { $0 = nil }
    }

    /// Kills the postmaster and every backend, as if the machine failed.
    public func kill() async throws {
        signalAll(SIGKILL)
        let server = process.withLock { $0 }
        _ = try await server?.waitForEnd()
        process.withLock { $0 = nil }
    }

    /// Sends SIGSTOP to all processes: connections stay open, and no request is answered.
    public func pause() { signalAll(SIGSTOP) }

    /// Ends the pause.
    public func resume() { signalAll(SIGCONT) }

    private func signalAll(_ number: Int32) {
        guard let server = process.withLock({ $0 }) else { return }
        // Stop the postmaster first, so it starts and reaps no backend. A killed one has no children any
        // more.
        server.signal(SIGSTOP)
        for child in children(of: server.pid) { Foundation.kill(child, number) }
        server.signal(number)
    }

    private func children(of parent: Int32) -> [Int32] {
        let list = try? String(
            contentsOfFile: "/proc/\(parent)/task/\(parent)/children", encoding: .utf8)
        return list?.split(separator: " ").compactMap { Int32($0) } ?? []
    }
}
