/// The SQL in the documentation runs as it is written there.
import CouponCore
import Foundation
import TestSupport
import Testing

@testable import CouponPostgres

@Suite struct DocumentedSQLTests {
    /// The statements in a page's examples that begin with a word.
    private func statements(in page: String, beginningWith word: String) throws -> [String] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().appending(path: "docs")
        let text = try String(contentsOf: folder.appending(path: page), encoding: .utf8)
        let examples = text.split(separator: "\n").filter { $0.hasPrefix("    ") }
            .map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: " ")
        let found = examples.matches(of: try Regex("\\b\(word) [^;]*;"))
        try #require(!found.isEmpty)
        return found.map { String(examples[$0.range]) }
    }

    @Test func `the indexes that docs/UPGRADE.md builds beforehand are those of the migration`()
        async throws
    {
        let database = try await TestDatabase()
        let indexes = """
            SELECT string_agg(indexdef || indisvalid, '; ' ORDER BY indexname)
            FROM pg_indexes JOIN pg_index ON indexrelid = ('coupond.' || indexname)::regclass
            WHERE schemaname = 'coupond' AND tablename = 'dead_letter'
            """
        let wanted = try database.sql(indexes)
        // As the version before migration 11 leaves it.
        try database.sql(
            """
            DROP INDEX coupond.dead_letter_held, coupond.dead_letter_unsynced_of_partition;
            DELETE FROM coupond.schema_version WHERE version = 11;
            """)
        let statements = try statements(in: "UPGRADE.md", beginningWith: "CREATE INDEX")
        #expect(statements.count == 2)
        for statement in statements { try database.sql(statement) }
        #expect(try database.sql(indexes) == wanted)
        _ = try Installation.setUp(database.ownersOptions, partitions: 4, logger: quiet)
        #expect(try database.sql(indexes) == wanted)
        let newest = try database.sql("SELECT max(version) FROM coupond.schema_version")
        #expect(newest == "\(Migration.newest)")
    }

    @Test func `the statement of docs/TRAIL.md removes old lines only`() async throws {
        let database = try await TestDatabase()
        let store = database.store()
        _ = try store.create(.sample(4))
        _ = try store.create(.sample(8))
        try database.sql(
            "UPDATE coupond.admin_action SET at = now() - interval '401 days' WHERE coupon_id = 4")
        let statements = try statements(in: "TRAIL.md", beginningWith: "DELETE")
        for statement in statements { try database.sql(statement) }
        #expect(try database.sql("SELECT coupon_id FROM coupond.admin_action") == "8")
    }

    @Test func `the index statements of docs/TRAIL.md let a change through`() async throws {
        let database = try await TestDatabase()
        let store = database.store()
        _ = try store.create(.sample(4))
        let page = try String(
            contentsOfFile: URL(filePath: #filePath).deletingLastPathComponent()
                .deletingLastPathComponent().deletingLastPathComponent().path + "/docs/TRAIL.md",
            encoding: .utf8)
        let match = try #require(page.firstMatch(of: /`(REINDEX TABLE [^`]*)`/))
        try database.sql(String(match.1))
        _ = try store.create(.sample(8))
        #expect(try database.sql("SELECT count(*) FROM coupond.admin_action") == "2")
    }
}
