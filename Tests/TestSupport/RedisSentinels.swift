/// A real Redis with replicas, and the sentinels that watch them.
internal import Foundation

/// A master and replicas at 127.0.0.2 and so on, sentinels at 127.0.0.1. With certificates all of them
/// are at 127.0.0.1, the only address that the certificates name, and speak TLS. They end when the last
/// reference goes.
public final class RedisSentinels: Sendable {
    /// First the master of the start, then its replicas. A failover changes the roles, and not this list.
    public let servers: [RedisServer]
    /// The processes of the sentinels.
    public let sentinels: [ServerProcess]
    /// The name under which they watch the master.
    public let name = "sale"

    private let ports: [Int]
    private let folders: [TemporaryFolder]

    /// Starts all, and waits until every sentinel knows the replicas and the other sentinels.
    /// - Parameters:
    ///   - replicas: after a failover there must be one left, because the daemon demands
    ///     `min-replicas-to-write`.
    ///   - downAfter: in milliseconds: a master that is silent for so long is replaced.
    ///   - settings: further options of each redis-server; a later one wins.
    ///   - certificates: for TLS; nil without.
    public init(
        replicas: Int = 2, sentinels count: Int = 3, downAfter: Int = 1_000,
        _ settings: [String] = [], certificates: BackendCertificates? = nil
    ) async throws {
        func server(_ number: Int, _ more: [String] = []) async throws -> RedisServer {
            let host = certificates == nil ? "127.0.0.\(number)" : "127.0.0.1"
            return try await RedisServer(
                [
                    "--repl-diskless-sync-delay", "0", "--min-replicas-to-write", "1",
                    "--replica-announce-ip", host, "--protected-mode", "no",
                ] + settings + more, certificates: certificates, host: host)
        }
        let master = try await server(2)
        var servers = [master]
        for index in 0..<replicas {
            let origin = ["--replicaof", "\(master.host) \(master.port)"]
            servers.append(try await server(index + 3, origin))
        }
        self.servers = servers
        folders = try (0..<count).map { _ in try TemporaryFolder() }
        let ports = try (0..<count).map { _ in Int(try freePort()) }
        self.ports = ports
        let text = { (port: Int, folder: TemporaryFolder) in
            """
            \(certificates?.sentinelSettings(port: port) ?? "port \(port)")
            bind 127.0.0.1
            dir \(folder.path)
            unixsocket \(folder.path)/sentinel.sock
            sentinel monitor sale \(master.host) \(master.port) \(count / 2 + 1)
            sentinel down-after-milliseconds sale \(downAfter)
            sentinel failover-timeout sale 5000
            sentinel parallel-syncs sale 4
            """
        }
        sentinels = try zip(ports, folders).map { port, folder in
            let file = try folder.write(text(port, folder) + "\n", to: "sentinel.conf")
            return try ServerProcess(
                "redis-server", arguments: [file, "--sentinel"], in: folder.path)
        }
        try await waitUntilWhole()
    }

    /// Waits until each sentinel sees all replicas and all other sentinels, and nobody down.
    public func waitUntilWhole(within limit: Duration = .seconds(30)) async throws {
        try await eventually("the sentinels know each other", within: limit) {
            for index in sentinels.indices {
                let master = try await facts(of: index)
                guard master["num-slaves"] == String(servers.count - 1),
                    master["num-other-sentinels"] == String(sentinels.count - 1),
                    master["flags"] == "master"
                else { return false }
                let replicas = try await cli(index, "SENTINEL", "REPLICAS", name)
                let following = replicas.matches(of: /master-link-status\nok/).count
                guard following == servers.count - 1, !replicas.contains("s_down"),
                    !replicas.contains("disconnected")
                else { return false }
            }
            return true
        }
    }

    /// The server that the first sentinel names.
    public func master() async throws -> RedisServer? {
        let answer = try await cli(0, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)
        let port = answer.split(separator: "\n").last.flatMap { Int($0) }
        return servers.first { $0.port == port }
    }

    /// Where clients find the sentinels.
    public var addresses: [String] { ports.map { "127.0.0.1:\($0)" } }

    /// The value of the setting `redis`.
    public var setting: String { "sentinel:\(name)@" + addresses.joined(separator: ",") }

    /// What a sentinel says of the master.
    public func facts(of sentinel: Int) async throws -> [String: String] {
        let words = try await cli(sentinel, "SENTINEL", "MASTER", name)
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        return stride(from: 0, to: words.count - 1, by: 2).reduce(into: [:]) {
            $0[words[$1]] = words[$1 + 1]
        }
    }

    /// Asks a sentinel.
    @discardableResult
    public func cli(_ sentinel: Int, _ arguments: String...) async throws -> String {
        let out = try TemporaryFolder()
        let command = try ServerProcess(
            "redis-cli", arguments: ["-s", folders[sentinel].file("sentinel.sock")] + arguments,
            in: out.path)
        _ = try await command.waitForEnd()
        return try String(contentsOfFile: command.log, encoding: .utf8)
            .trimmingCharacters(in: .newlines)
    }
}

extension BackendCertificates {
    /// Lines of sentinel.conf: TLS at a port, and to all other servers.
    fileprivate func sentinelSettings(port: Int) -> String {
        """
        port 0
        tls-port \(port)
        tls-cert-file \(server.certificate)
        tls-key-file \(server.key)
        tls-ca-cert-file \(authority)
        tls-auth-clients yes
        tls-replication yes
        """
    }
}
