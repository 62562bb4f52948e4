import CouponCore
import CouponPostgres
import TestSupport
import Testing

@Suite struct InstallationTests {
    @Test func `the setup can run twice`() async throws {
        let database = try await TestDatabase()
        let again = try Installation.setUp(database.options, partitions: 4, logger: quiet)
        #expect(again == database.installation)
        #expect(try database.sql("SELECT count(*) FROM coupond.schema_version") == "11")
        #expect(try database.store().partitions().map(\.id.rawValue) == [0, 1, 2, 3])
    }

    @Test func `the setup can run in several daemons at once`() async throws {
        let server = try await PostgresServer.shared()
        let options = PostgresOptions(connection: try server.makeDatabase())
        let found = try await withThrowingTaskGroup(of: Installation.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    try await onItsOwnThread {
                        Result { () throws(BackendError) in
                            try Installation.setUp(options, partitions: 4, logger: quiet)
                        }
                    }.get()
                }
            }
            return try await group.reduce(into: [Installation]()) { $0.append($1) }
        }
        #expect(Set(found.map(\.id)).count == 1)
    }

    @Test func `another number of partitions is refused`() async throws {
        let database = try await TestDatabase()
        let error = #expect(throws: BackendError.self) {
            try Installation.setUp(database.options, partitions: 8, logger: quiet)
        }
        guard case .postgres(.refused(let text)) = error else {
            Testing.Issue.record("\(String(describing: error))")
            return
        }
        #expect(text.contains("4 partitions") && text.contains("8"))
        #expect(try database.store().partitions().count == 4)
    }

    @Test func `a newer database is refused`() async throws {
        let database = try await TestDatabase()
        try database.sql("INSERT INTO coupond.schema_version VALUES (99, 'later')")
        let error = #expect(throws: BackendError.self) {
            try Installation.setUp(database.options, partitions: 4, logger: quiet)
        }
        guard case .postgres(.refused(let text)) = error else {
            Testing.Issue.record("\(String(describing: error))")
            return
        }
        #expect(text.contains("99"))
    }

    /// A role that may only read and write rows can start the daemon once the schema is there.
    @Test func `an up-to-date database needs no right to create`() async throws {
        let database = try await TestDatabase()
        let role = "clerk" + String(Int.random(in: 0..<1_000_000))
        try database.sql(
            """
            CREATE ROLE \(role) LOGIN; GRANT USAGE ON SCHEMA coupond TO \(role);
            GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA coupond TO \(role);
            GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA coupond TO \(role)
            """)
        let options = PostgresOptions(connection: database.connection + " user=\(role)")
        #expect(
            try Installation.setUp(options, partitions: 4, logger: quiet) == database.installation)
    }
}
