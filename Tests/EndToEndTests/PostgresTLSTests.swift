/// A PostgreSQL that is reached by TLS only, with a name that is checked and a password from a file.
import CouponClient
import CouponCore
import Foundation
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(2))) struct PostgresTLSTests {
    private let world: World
    private let certificates: BackendCertificates
    private let rules: TemporaryFolder
    /// An address of this machine that no other server has, because the port is PostgreSQL's usual one.
    private let address =
        "127.77.\(Int.random(in: 1...254)).\(Int.random(in: 1...254))"

    init() async throws {
        certificates = try await BackendCertificates()
        let user = geteuid() == 0 ? "postgres" : nil
        let pair = try certificates.copyOfServer(owner: user)
        let rules = try TemporaryFolder()
        let hba = try rules.write(
            """
            local all all trust
            hostssl all \(LeastRights.role) 127.0.0.0/8 scram-sha-256
            """, to: "pg_hba.conf")
        self.rules = rules
        let server = try await PostgresServer([
            "ssl=on", "ssl_cert_file=\(pair.certificate)", "ssl_key_file=\(pair.key)",
            "listen_addresses=\(address)", "hba_file=\(hba)",
        ])
        world = try await World(postgres: server)
        try world.sql("ALTER ROLE \(LeastRights.role) PASSWORD 'first'")
    }

    private func connection(host: String = "localhost", _ more: String = "") -> String {
        let name = world.database.split(separator: "=").last ?? ""
        return "host=\(host) hostaddr=\(address) user=\(LeastRights.role) dbname=\(name) "
            + "sslmode=verify-full sslrootcert=\(certificates.authority) \(more)"
    }

    @Test func `a sale passes, and a new password in the file needs no restart`() async throws {
        let password = try world.folder.write("first\n", to: "postgres-password")
        let daemon = try Daemon(
            world, ["--postgres-password-file", password], postgres: connection())
        try await daemon.ready()
        let coupon = try await daemon.offer(total: 10)
        for user in 1...5 { try await daemon.win(coupon, Int64(user)) }
        #expect(
            try world.sql(
                """
                SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
                WHERE usename = '\(LeastRights.role)'
                """) == "t")
        try world.sql("ALTER ROLE \(LeastRights.role) PASSWORD 'second'")
        _ = try world.folder.write("second\n", to: "postgres-password")
        try world.sql(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE usename = '\(LeastRights.role)'
            """)
        for user in 6...10 { try await daemon.winSoon(coupon, Int64(user)) }
        #expect(!daemon.process.logText.contains("password authentication failed"))
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `the documented settings work`() async throws {
        let password = try world.folder.write("first\n", to: "documented")
        let database = try #require(world.database.split(separator: "=").last)
        let daemon = try await world.daemon(
            try Recipe("postgres-tls").flags([
                ("host=db.example", "host=localhost hostaddr=\(address)"),
                ("dbname=coupond", "dbname=\(database)"),
                ("user=coupond", "user=\(LeastRights.role)"),
                ("/etc/coupond/db-ca.pem", certificates.authority),
                ("/etc/coupond/postgres-password", password),
            ]))
        let coupon = try await daemon.offer(total: 1)
        #expect(try await daemon.win(coupon, 1) == 1)
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `a wrong name, authority or password is named in the log`() async throws {
        let right = try world.folder.write("first\n", to: "right")
        let wrong = try world.folder.write("wrong\n", to: "wrong")
        for (string, file, text) in [
            (connection(host: "elsewhere"), right, "does not match host name"),
            (
                connection().replacing(certificates.authority, with: certificates.stranger), right,
                "certificate verify failed"
            ),
            (connection(), wrong, "password authentication failed"),
        ] {
            let daemon = try Daemon(world, ["--postgres-password-file", file], postgres: string)
            try await daemon.process.logs(text)
            #expect(try await daemon.stop() == .code(0))
        }
    }

    @Test func `a file that is gone is named, and the session comes when it is back`()
        async throws
    {
        let password = try world.folder.write("first\n", to: "moving")
        let daemon = try Daemon(
            world, ["--postgres-password-file", password], postgres: connection())
        try await daemon.ready()
        try FileManager.default.removeItem(atPath: password)
        try world.sql(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE usename = '\(LeastRights.role)'
            """)
        try await daemon.process.logs("postgres-password-file: \(password) cannot be read")
        _ = try world.folder.write("first\n", to: "moving")
        let coupon = try await daemon.offer(total: 1)
        try await daemon.winSoon(coupon, 1)
        #expect(try await daemon.stop() == .code(0))
    }
}
