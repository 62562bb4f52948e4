/// The grants follow from the code: a table, a function or a statement without its right fails here.
import CouponCore
import Foundation
import TestSupport
import Testing

@testable import CouponPostgres

/// The tests run one after the other, because each makes the roles of the server if there are none.
@Suite(.serialized) struct RuntimeRightsTests {
    @Test func `every table, view and function of the schema has its line`() async throws {
        let database = try await TestDatabase()
        let tables = try database.sql(
            """
            SELECT relname FROM pg_class
            WHERE relnamespace = 'coupond'::regnamespace AND relkind NOT IN ('i', 'S') ORDER BY 1
            """)
        #expect(
            tables.split(separator: "\n").map(String.init)
                == RuntimeRights.tables.map(\.name).sorted())
        // Nobody calls a trigger's function, so it needs no right.
        let functions = try database.sql(
            """
            SELECT proname FROM pg_proc
            WHERE pronamespace = 'coupond'::regnamespace AND prorettype <> 'trigger'::regtype
            ORDER BY 1
            """)
        #expect(
            functions.split(separator: "\n").map(String.init) == RuntimeRights.functions.sorted())
    }

    @Test func `each right is used by a statement, and no statement lacks one`() throws {
        var used: [String: Set<String>] = [:]
        for text in try statements() {
            for (pattern, right) in [
                (#/INSERT INTO coupond\.(\w+)/#, "INSERT"), (#/COPY coupond\.(\w+)/#, "INSERT"),
                (#/UPDATE coupond\.(\w+)/#, "UPDATE"), (#/DELETE FROM coupond\.(\w+)/#, "DELETE"),
                (#/(?:FROM|JOIN)\s+coupond\.(\w+)/#, "SELECT"),
            ] {
                for match in text.matches(of: pattern) {
                    used[String(match.1), default: []].insert(right)
                }
            }
        }
        let listed = Dictionary(
            uniqueKeysWithValues: RuntimeRights.tables.map { ($0.name, Set($0.rights)) })
        #expect(used == listed)
        let called = try statements().flatMap { $0.matches(of: #/coupond\.(\w+)\(/#) }
            .map { String($0.1) }
        #expect(Set(called) == Set(RuntimeRights.functions))
    }

    @Test func `a role with the grants has all rights, and each one that goes is named`()
        async throws
    {
        let database = try await TestDatabase()
        let role = LeastRights.role
        try database.sql(RuntimeRights.script(owner: LeastRights.owner, role: role))
        let clerk = LeastRights.connection(database.connection, as: role)
        let session = Session(PostgresOptions(connection: clerk), role: .store, logger: quiet)
        #expect(try session.missingRights() == nil)
        for (table, rights) in RuntimeRights.tables {
            for right in rights {
                try database.sql("REVOKE \(right) ON coupond.\(table) FROM \(role)")
                #expect(try session.missingRights() == "\(right) on coupond.\(table)")
                try database.sql("GRANT \(right) ON coupond.\(table) TO \(role)")
            }
        }
        try database.sql("REVOKE USAGE ON SCHEMA coupond FROM \(role)")
        #expect(try session.missingRights()?.contains("USAGE on schema coupond") == true)
    }

    @Test func `the owner of the schema cannot get the rights of a daemon instead of its own`()
        async throws
    {
        let database = try await TestDatabase(hasRoles: false)
        let (owner, role) = (LeastRights.owner, LeastRights.role)
        func isRefused(_ grantee: String, from caller: String) throws -> Bool {
            let connection = LeastRights.connection(database.connection, as: caller)
            let session = Session(
                PostgresOptions(connection: connection), role: .store, logger: quiet)
            do throws(BackendError) {
                try session.checkMayGrant(to: grantee)
                return false
            } catch {
                #expect("\(error)".contains("\(grantee) owns the schema coupond"), "\(error)")
                return true
            }
        }
        #expect(try isRefused("coupond", from: "coupond"), "the schema is still its own")
        try database.sql(RuntimeRights.script(owner: owner, role: role))
        #expect(try isRefused(owner, from: owner))
        #expect(try isRefused(owner, from: "coupond"))
        #expect(try !isRefused(role, from: owner))
        try database.sql("ALTER TABLE coupond.coupon OWNER TO \(role)")
        #expect(try isRefused(role, from: owner))
    }

    @Test func `a second run of the script waits for no transaction that reads`() async throws {
        let database = try await TestDatabase()
        let script = RuntimeRights.script(owner: LeastRights.owner, role: LeastRights.role)
        try database.sql(script)
        let reader = Session(database.options, role: .store, logger: quiet)
        _ = try reader.run("BEGIN", "SELECT FROM coupond.coupon")
        try database.sql(script)
        _ = try reader.run("COMMIT")
    }

    /// The code of the module, without what only the owner of the schema does.
    private func statements() throws -> [String] {
        let module = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Sources/CouponPostgres")
        let owners = ["Migrating.swift", "RuntimeRights.swift"]
        let files = FileManager.default.enumerator(at: module, includingPropertiesForKeys: nil)
        let sources = (files?.compactMap { $0 as? URL } ?? []).filter {
            $0.pathExtension == "swift" && !owners.contains($0.lastPathComponent)
        }
        #expect(sources.count > 15)
        return try sources.map { try String(contentsOf: $0, encoding: .utf8) }
    }
}
