/// The rights that the role of a started daemon needs: what is missing is named at the start, and not by the
/// first statement that needs it.
internal import CouponCore

extension Session {
    /// Only what a daemon does with each table after its start.
    private static let needed = [
        ("schema_version", ["SELECT"]), ("installation", ["SELECT", "INSERT"]),
        ("partition", ["SELECT", "INSERT", "UPDATE"]), ("coupon", ["SELECT", "INSERT", "UPDATE"]),
        ("coupon_issue", ["SELECT", "INSERT"]), ("issue_rejection", ["SELECT", "INSERT"]),
        ("dead_letter", ["SELECT", "INSERT", "UPDATE"]),
        ("gate_outbox", ["SELECT", "INSERT", "UPDATE", "DELETE"]), ("rejection", ["SELECT"]),
        ("admin_action", ["SELECT", "INSERT"]),
    ]

    /// - Throws: `refused` if there is a schema that the role may not use.
    func checkSchema() throws(BackendError) {
        let rows = try run(
            """
            SELECT has_schema_privilege(oid, 'USAGE')
            FROM pg_catalog.pg_namespace WHERE nspname = 'coupond'
            """)
        if rows.count == 1, !rows.boolean(0, 0) { throw Self.missing("USAGE on schema coupond") }
    }

    /// - Throws: `refused` with all rights that are missing.
    func checkRights() throws(BackendError) {
        let pairs = Self.needed.flatMap { table, rights in
            rights.map { (table: "coupond.\(table)", right: $0) }
        }
        let rows = try run(
            Statement(
                """
                SELECT missing FROM (
                    SELECT privilege || ' on ' || name AS missing, number
                    FROM unnest($1, $2) WITH ORDINALITY AS n (name, privilege, number)
                    WHERE NOT has_table_privilege(name, privilege)
                    UNION ALL
                    SELECT 'EXECUTE on coupond.' || proname, 1000 FROM pg_catalog.pg_proc
                    WHERE pronamespace = 'coupond'::regnamespace
                        AND NOT has_function_privilege(oid, 'EXECUTE')) AS m
                ORDER BY number
                """, .texts(pairs.map(\.table)), .texts(pairs.map(\.right))))
        let missing = (0..<rows.count).map { rows.text($0, 0) }
        if !missing.isEmpty { throw Self.missing(missing.joined(separator: ", ")) }
    }

    private static func missing(_ rights: String) -> BackendError {
        .postgres(
            .refused("the role lacks rights: \(rights); docs/OPERATIONS.md has what it needs"))
    }
}
