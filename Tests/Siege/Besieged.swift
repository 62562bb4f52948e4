/// The daemon that is attacked, with everything that an attack can reach.
internal import CouponClient
internal import Foundation
internal import TestSupport
internal import TestWorld

struct Besieged: Sendable {
    let daemon: Daemon
    /// Where attackers connect.
    let port: Int
    let metricsPort: Int
    /// A connection of an honest caller.
    let connected: @Sendable () throws -> PlainSocket
    /// Connections of the siege itself.
    let ownConnections: Double

    init(_ world: World, _ attack: Attack) async throws {
        let metricsPort = Int(try freePort())
        self.metricsPort = metricsPort
        let flags =
            try Self.files(world) + [
                "--metrics-listen", "127.0.0.1:\(metricsPort)", "--log-level", "info",
            ]
        guard attack.usesTLS else {
            let daemon = try await world.daemon(flags)
            self.daemon = daemon
            port = daemon.port
            connected = { [port = daemon.port] in try PlainSocket(port: port) }
            // The client of the world asked if the daemon is ready.
            ownConnections = 1
            return
        }
        let certificates = try await BackendCertificates()
        let path = world.folder.file("siege.sock")
        let port = Int(try freePort())
        self.port = port
        daemon = try Daemon(
            world,
            flags + [
                "--listen", "127.0.0.1:\(port)", "--listen", "unix:\(path)",
                "--tls-certificate", certificates.server.certificate,
                "--tls-key", certificates.server.key,
            ])
        connected = { try PlainSocket(path: path) }
        ownConnections = 0
        try await eventually("the daemon listens") {
            _ = try PlainSocket(path: path)
            return true
        }
    }

    /// Callers must prove who they are, and strangers may issue and read.
    private static func files(_ world: World) throws -> [String] {
        let token = try world.folder.write(
            "right-token-\(UInt64.random(in: 0...(.max)))\n", to: "token")
        unsafe chmod(token, 0o600)
        let digest = (0..<64).map { _ in String(Int.random(in: 0...15), radix: 16) }.joined()
        let callers = try world.folder.write(
            """
            boss roles=operator,admin token=sha256:\(digest)
            anonymous roles=issuer,reader,watcher

            """, to: "callers")
        return ["--admin-token-file", token, "--callers-file", callers]
    }
}
