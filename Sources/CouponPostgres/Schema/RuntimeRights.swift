/// What a started daemon does with the schema: the one table behind the SQL of `coupond acl postgres`, the
/// grants of `coupond migrate` and the checks of a running daemon. Tests compare it with the schema and with
/// the statements in the code, so that a new table without a line here fails.
internal import CouponCore

/// The rights of the role that serves callers. It changes rows and no schema.
public enum RuntimeRights {
    /// By table or view.
    static let tables: [(name: String, rights: [String])] = [
        ("schema_version", ["SELECT"]),
        ("installation", ["SELECT"]),
        ("partition", ["SELECT", "UPDATE"]),
        ("coupon", ["SELECT", "INSERT", "UPDATE"]),
        ("deleted_coupon", ["SELECT"]),
        ("gate_outbox", ["SELECT", "INSERT", "UPDATE", "DELETE"]),
        ("coupon_issue", ["SELECT", "INSERT"]),
        ("issue_rejection", ["SELECT", "INSERT"]),
        ("commit_log", ["SELECT", "INSERT", "DELETE"]),
        ("dead_letter", ["SELECT", "INSERT", "UPDATE"]),
        ("rejection", ["SELECT"]),
        ("admin_action", ["SELECT", "INSERT"]),
    ]

    /// Functions that the daemon calls; each name has one.
    static let functions = ["move_cursor", "delete_coupon"]

    /// The statements that give a role these rights, and take all others in the schema from it. The owner of
    /// the schema may run them.
    static func grants(to role: String) -> [String] {
        let role = quoted(role)
        let tables = tables.map {
            "GRANT \($0.rights.joined(separator: ", ")) ON coupond.\($0.name) TO \(role)"
        }
        let functions = functions.map { "GRANT EXECUTE ON FUNCTION coupond.\($0) TO \(role)" }
        return [
            "REVOKE ALL ON ALL TABLES IN SCHEMA coupond FROM PUBLIC, \(role)",
            "REVOKE ALL ON ALL SEQUENCES IN SCHEMA coupond FROM PUBLIC, \(role)",
            "REVOKE ALL ON ALL FUNCTIONS IN SCHEMA coupond FROM PUBLIC, \(role)",
            "REVOKE ALL ON SCHEMA coupond FROM PUBLIC, \(role)",
            "GRANT USAGE ON SCHEMA coupond TO \(role)",
        ] + tables + functions
    }

    /// SQL for a superuser: makes both roles and the schema, and gives the schema's objects to the owner. It
    /// may run again, such as for a database that one role has used for everything until now.
    /// - Parameters:
    ///   - owner: the role that `coupond migrate` uses.
    ///   - role: the role of the daemons.
    public static func script(owner: String, role: String) -> String {
        let roles = [owner, role].map { name in
            """
                IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = \(literal(name))) THEN
                    CREATE ROLE \(quoted(name)) LOGIN;
                END IF;
            """
        }
        let grants = grants(to: role).map { "        \($0);\n" }.joined()
        let (theOwner, theRole) = (quoted(owner), quoted(role))
        return """
            -- The roles of coupond, in the database in which this runs. Run it as a superuser, once before
            -- the first `coupond migrate`; it may run again. Passwords are for you to set.
            BEGIN;
            SET LOCAL lock_timeout = '8s';
            DO $coupond$ BEGIN
            \(roles.joined(separator: "\n"))
            END $coupond$;

            CREATE SCHEMA IF NOT EXISTS coupond AUTHORIZATION \(theOwner);
            ALTER SCHEMA coupond OWNER TO \(theOwner);
            -- What another role has made until now.
            DO $coupond$ DECLARE object text; BEGIN
                FOR object IN SELECT oid::regclass::text FROM pg_catalog.pg_class
                    WHERE relnamespace = 'coupond'::regnamespace AND relkind IN ('r', 'v')
                        AND relowner <> \(literal(theOwner))::regrole
                LOOP
                    EXECUTE 'ALTER TABLE ' || object || \(literal(" OWNER TO " + theOwner));
                END LOOP;
                FOR object IN SELECT oid::regprocedure::text FROM pg_catalog.pg_proc
                    WHERE pronamespace = 'coupond'::regnamespace
                        AND proowner <> \(literal(theOwner))::regrole
                LOOP
                    EXECUTE 'ALTER ROUTINE ' || object || \(literal(" OWNER TO " + theOwner));
                END LOOP;
            END $coupond$;

            -- PostgreSQL lets everybody call a new function.
            ALTER DEFAULT PRIVILEGES FOR ROLE \(theOwner) REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
            GRANT USAGE ON SCHEMA coupond TO \(theRole);
            -- `coupond migrate --grant-to` grants the same to the tables that it makes.
            DO $coupond$ BEGIN
                IF to_regclass('coupond.schema_version') IS NOT NULL THEN
            \(grants)    END IF;
            END $coupond$;
            COMMIT;
            """
    }

    /// A name in SQL.
    private static func quoted(_ name: String) -> String {
        "\"" + name.replacing("\"", with: "\"\"") + "\""
    }

    /// A text in SQL.
    private static func literal(_ text: String) -> String {
        "'" + text.replacing("'", with: "''") + "'"
    }
}

extension Session {
    /// - Throws: `refused` if there is a schema that the role may not use.
    func checkSchema() throws(BackendError) {
        let rows = try run(
            """
            SELECT has_schema_privilege(oid, 'USAGE')
            FROM pg_catalog.pg_namespace WHERE nspname = 'coupond'
            """)
        if rows.count == 1, !rows.boolean(0, 0) { throw lacking("USAGE on schema coupond") }
    }

    /// - Throws: `refused` with all rights that are missing.
    func checkRights() throws(BackendError) {
        if let missing = try missingRights() { throw lacking(missing) }
    }

    /// The rights that a started daemon lacks, as text for people; nil if it has all.
    func missingRights() throws(BackendError) -> String? {
        let pairs = RuntimeRights.tables.flatMap { table, rights in
            rights.map { (table: table, right: $0) }
        }
        let rows = try run(
            Statement(
                """
                SELECT missing FROM (
                    SELECT 'USAGE on schema coupond' AS missing, 0 AS number
                    WHERE NOT has_schema_privilege('coupond', 'USAGE')
                    UNION ALL
                    SELECT privilege || ' on coupond.' || name, number
                    FROM unnest($1, $2) WITH ORDINALITY AS n (name, privilege, number)
                    LEFT JOIN pg_catalog.pg_class AS c
                        ON c.relname = name AND c.relnamespace = 'coupond'::regnamespace
                    WHERE NOT coalesce(has_table_privilege(c.oid, privilege), false)
                    UNION ALL
                    SELECT 'EXECUTE on coupond.' || proname, 1000 FROM pg_catalog.pg_proc
                    WHERE pronamespace = 'coupond'::regnamespace AND proname = ANY ($3)
                        AND NOT has_function_privilege(oid, 'EXECUTE')) AS m
                ORDER BY number
                """, .texts(pairs.map(\.table)), .texts(pairs.map(\.right)),
                .texts(RuntimeRights.functions)))
        let missing = (0..<rows.count).map { rows.text($0, 0) }
        return missing.isEmpty ? nil : missing.joined(separator: ", ")
    }

    private func lacking(_ rights: String) -> BackendError {
        .postgres(
            .refused("the role lacks rights: \(rights); `coupond acl postgres` prints all it needs")
        )
    }
}
