internal import Foundation
internal import Synchronization

/// A redis-server on a unix socket and on a TCP port, with the settings that promise 3 needs.
/// It ends, and its folder is removed, when the last reference goes.
public final class RedisServer: Sendable {
    /// The path of its unix socket.
    public let socket: String
    /// Its address, of this machine.
    public let host: String
    /// Its TCP port. With certificates it speaks only TLS there; the unix socket stays plain.
    public let port: Int
    /// Its certificates; nil without TLS.
    public let certificates: BackendCertificates?

    /// With `REDIS_TLS=1` all servers of a test run speak TLS.
    private static let certificatesOfRun =
        ProcessInfo.processInfo.environment["REDIS_TLS"] == "1"
        ? Task { try await BackendCertificates() } : nil

    private let folder: TemporaryFolder
    private let settings: [String]
    private let environment: [String: String]
    private let starter: [String]
    private let process: Mutex<ServerProcess>

    /// Starts a server and waits until it answers.
    /// - Parameters:
    ///   - settings: further options of redis-server; a later one wins.
    ///   - environment: added to the test's own.
    ///   - certificates: for TLS, which then asks for the client's certificate too.
    ///   - host: an address of this machine. A server at another one than 127.0.0.1 never speaks TLS: no
    ///     certificate names it.
    ///   - port: nil for a free one.
    ///   - starter: a command that becomes the server, such as `ip netns exec`.
    public init(
        _ settings: [String] = [], environment: [String: String] = [:],
        certificates: BackendCertificates? = nil, host: String = "127.0.0.1", port: Int? = nil,
        startedBy starter: [String] = []
    ) async throws {
        self.environment = environment
        self.starter = starter
        self.certificates =
            if let certificates { certificates } else if host == "127.0.0.1" {
                try await Self.certificatesOfRun?.value
            } else {
                nil
            }
        folder = try TemporaryFolder()
        socket = folder.path + "/redis.sock"
        self.host = host
        self.port = if let port { port } else { Int(try freePort()) }
        self.settings =
            [
                "--port", String(self.port), "--bind", host, "--unixsocket", socket,
                "--dir", folder.path, "--save", "", "--appendonly", "yes",
                "--appendfsync", "always", "--no-appendfsync-on-rewrite", "no",
                "--maxmemory-policy", "noeviction",
            ] + Self.tls(self.certificates, port: self.port) + settings
            + (try await LeastRights.redisOptions(
                inCluster: settings.contains("--cluster-enabled")))
        process = Mutex(
            try Self.start(starter, self.settings, environment, in: folder))
        try await waitUntilReady()
    }

    private static func tls(_ certificates: BackendCertificates?, port: Int) -> [String] {
        guard let certificates else { return [] }
        let server = certificates.server
        return [
            "--port", "0", "--tls-port", String(port), "--tls-cert-file", server.certificate,
            "--tls-key-file", server.key, "--tls-ca-cert-file", certificates.authority,
            "--tls-auth-clients", "yes", "--tls-replication", "yes", "--tls-cluster", "yes",
        ]
    }

    /// Shows another certificate to new connections.
    public func present(_ pair: BackendCertificates.Pair) async throws {
        try await cli("CONFIG", "SET", "tls-cert-file", pair.certificate, "tls-key-file", pair.key)
    }

    /// A replica that has caught up.
    public convenience init(replicaOf master: RedisServer) async throws {
        try await master.cli("CONFIG", "SET", "repl-diskless-sync-delay", "0")
        try await self.init(
            ["--replicaof", "127.0.0.1 \(master.port)"], certificates: master.certificates)
        try await eventually("the replica is online") {
            try await cli("INFO", "replication").contains("master_link_status:up")
        }
    }

    /// Ends the server with SIGTERM, and waits.
    public func stop() async throws {
        try await process.withLock { $0 }.terminate()
    }

    /// Kills the server, and waits.
    public func kill() async throws {
        try await process.withLock { $0 }.terminate(SIGKILL)
    }

    /// Starts the server again with its data, and waits until it answers.
    public func restart() async throws {
        unsafe unlink(socket)
        let next = try Self.start(starter, settings, environment, in: folder)
        process.withLock { $0 = next }
        try await waitUntilReady()
    }

    private static func start(
        _ starter: [String], _ settings: [String], _ environment: [String: String],
        in folder: TemporaryFolder
    ) throws -> ServerProcess {
        let command = starter + ["redis-server"]
        return try ServerProcess(
            command[0], arguments: command.dropFirst() + settings, environment: environment,
            in: folder.path)
    }

    /// Copies the current log.
    /// - Returns: a path for ``bringBack(_:)``.
    /// - Throws: an error of Foundation.
    public func copyLog() throws -> String {
        let copy = folder.file("log-\(UInt32.random(in: 0...(.max)))")
        try FileManager.default.copyItem(atPath: folder.file("appendonlydir"), toPath: copy)
        return copy
    }

    /// Replaces the log by a copy. The server must have ended.
    /// - Throws: an error of Foundation.
    public func bringBack(_ copy: String) throws {
        try FileManager.default.removeItem(atPath: folder.file("appendonlydir"))
        try FileManager.default.moveItem(atPath: copy, toPath: folder.file("appendonlydir"))
    }

    /// Sends SIGSTOP: connections stay open, and no request is answered.
    public func freeze() { process.withLock { $0 }.signal(SIGSTOP) }

    /// The process id.
    public var pid: Int32 { process.withLock { $0 }.pid }

    /// Ends a freeze.
    public func thaw() { process.withLock { $0 }.signal(SIGCONT) }

    /// Runs a command with redis-cli, and returns its output.
    @discardableResult
    public func cli(_ arguments: String...) async throws -> String {
        try await cli(arguments)
    }

    /// The same.
    @discardableResult
    public func cli(_ arguments: [String]) async throws -> String {
        let out = try TemporaryFolder()
        let command = try ServerProcess(
            "redis-cli", arguments: ["-s", socket] + arguments, in: out.path)
        _ = try await command.waitForEnd()
        return command.logText
    }

    private func waitUntilReady() async throws {
        try await eventually("an answer of redis-server") { try await cli("PING") == "PONG" }
    }
}
