/// What only the owner of the schema does: migrations, the partitions of a new database, grants.
internal import CouponCore

extension Session {
    /// How long one script may take, in seconds: a later one may build an index.
    private static let migrationSeconds = 600
    /// After a wait for a lock a statement must see what the session that had it has committed, whatever
    /// isolation level is the default of the role.
    private static let begin: Statement = "BEGIN ISOLATION LEVEL READ COMMITTED"

    /// - Throws: `refused` if the role may not change the schema, or make it.
    func checkMayMigrate(atStart isAllowed: Bool) throws(BackendError) {
        let rows = try run(
            """
            SELECT current_user::text, CASE WHEN n.oid IS NULL
                THEN has_database_privilege(current_database(), 'CREATE')
                ELSE pg_has_role(n.nspowner, 'USAGE') AND NOT EXISTS (
                    SELECT FROM pg_catalog.pg_class AS c
                    WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'v')
                        AND NOT pg_has_role(c.relowner, 'USAGE')) END
            FROM (VALUES (1)) AS one
            LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = 'coupond'
            """)
        if isAllowed && rows.boolean(0, 1) { return }
        let why =
            isAllowed
            ? "the role \(rows.text(0, 0)) does not own the schema coupond, and may not make it"
            : "migrate-at-start is false"
        throw .postgres(
            .refused(
                """
                the schema needs version \(Migration.newest), and \(why): run `coupond migrate` \
                with the connection string of the owner
                """))
    }

    /// Runs the migrations that are missing, in one transaction.
    /// - Returns: those that ran and are committed.
    func migrate() throws(BackendError) -> ArraySlice<Migration> {
        do throws(BackendError) {
            _ = try run(
                Self.begin, "SET LOCAL statement_timeout = 0", "SET LOCAL lock_timeout = '8s'",
                Statement(
                    "SELECT pg_advisory_xact_lock($1::int4, 0)", .integer(AdvisoryLock.migration)))
            let missing = try missingMigrations()
            if missing == Migration.newest { try makeVersionTable() }
            let migrations = Migration.all.suffix(Int(missing))
            for migration in migrations {
                try run(script: migration.script, withinSeconds: Self.migrationSeconds)
                _ = try run(
                    Statement(
                        "INSERT INTO coupond.schema_version (version, name) VALUES ($1, $2)",
                        .integer(migration.number), .text(migration.name)))
            }
            _ = try run("COMMIT")
            return migrations
        } catch {
            rollBack()
            throw error
        }
    }

    /// CREATE SCHEMA needs the right to create in the database even if the schema is there already.
    private func makeVersionTable() throws(BackendError) {
        let hasSchema = try run("SELECT pg_catalog.to_regnamespace('coupond') IS NOT NULL")
        if !hasSchema.boolean(0, 0) { _ = try run("CREATE SCHEMA coupond") }
        _ = try run(
            """
            CREATE TABLE IF NOT EXISTS coupond.schema_version (
                version integer PRIMARY KEY,
                name text NOT NULL,
                migrated_at timestamptz NOT NULL DEFAULT now()
            )
            """)
    }

    /// Makes the partitions of a new database, unless another daemon has just done so.
    func makePartitions(_ partitions: Int) throws(BackendError) {
        do throws(BackendError) {
            _ = try run(
                Self.begin,
                Statement(
                    """
                    INSERT INTO coupond.installation (partitions) VALUES ($1)
                    ON CONFLICT DO NOTHING
                    """, .integer(Int64(partitions))),
                """
                INSERT INTO coupond.partition (id)
                SELECT generate_series(0, partitions - 1) FROM coupond.installation
                ON CONFLICT DO NOTHING
                """,
                "COMMIT")
        } catch {
            rollBack()
            guard case .postgres(.refused(let text)) = error else { throw error }
            throw .postgres(
                .refused("the database has no partitions, run `coupond migrate`: \(text)"))
        }
    }

    /// - Throws: `refused` if the role owns the schema or is about to make it: it needs what ``grant(to:)``
    ///   would revoke.
    func checkMayGrant(to role: String) throws(BackendError) {
        let rows = try run(
            Statement(
                """
                SELECT $1 IN (
                    SELECT current_user::text
                    UNION ALL
                    SELECT pg_get_userbyid(nspowner)::text FROM pg_catalog.pg_namespace
                    WHERE nspname = 'coupond'
                    UNION ALL
                    SELECT pg_get_userbyid(relowner)::text FROM pg_catalog.pg_class
                    WHERE relnamespace = to_regnamespace('coupond')
                    UNION ALL
                    SELECT pg_get_userbyid(proowner)::text FROM pg_catalog.pg_proc
                    WHERE pronamespace = to_regnamespace('coupond'))
                """, .text(role)))
        guard rows.boolean(0, 0) else { return }
        throw .postgres(
            .refused(
                """
                \(role) owns the schema coupond or a part of it, and needs all rights for migrations: \
                a daemon that uses the same role needs no --grant-to
                """))
    }

    /// Gives a role the rights of a daemon and takes all others in the schema from it, in one transaction.
    func grant(to role: String) throws(BackendError) {
        do throws(BackendError) {
            _ = try run(Self.begin)
            for statement in RuntimeRights.grants(to: role) { _ = try run(Statement(statement)) }
            _ = try run("COMMIT")
        } catch {
            rollBack()
            throw error
        }
    }
}
