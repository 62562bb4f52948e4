import CouponCore
import CouponPostgres
import Foundation
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct PoolerTests {
    @Test(arguments: ["session", "transaction"])
    func `a session through a pooler is refused, and the error says so`(mode: String) async throws {
        let server = try await PostgresServer.shared()
        let direct = try server.makeDatabase()
        let folder = try TemporaryFolder()
        // PgBouncer does not run as root.
        let user: String? = geteuid() == 0 ? "postgres" : nil
        let socket = try folder.makeFolder("pooler", owner: user)
        let host = try #require(direct.firstMatch(of: /host=(\S+)/)).1
        try """
        [databases]
        * = host=\(host) user=coupond
        [pgbouncer]
        listen_addr =
        unix_socket_dir = \(socket)
        auth_type = any
        pool_mode = \(mode)
        """.write(toFile: socket + "/pgbouncer.ini", atomically: true, encoding: .utf8)
        let pooler = try ServerProcess(
            "/usr/sbin/pgbouncer", arguments: [socket + "/pgbouncer.ini"], in: socket, user: user)
        try await eventually("PgBouncer listens") {
            FileManager.default.fileExists(atPath: socket + "/.s.PGSQL.6432")
        }
        let pooled = direct.replacing("host=\(host)", with: "host=\(socket) port=6432")
        let error = #expect(throws: BackendError.self) {
            try Installation.setUp(
                PostgresOptions(connection: pooled), partitions: 4, logger: quiet)
        }
        guard case .postgres(.refused(let text)) = error else {
            let reason = String(describing: error)
            Testing.Issue.record("\(reason); \(pooler.logTail())" as Comment)
            return
        }
        #expect(text.contains("connection pooler"))
    }
}
