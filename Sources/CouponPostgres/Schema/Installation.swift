/// Brings a database up to date and says what it is; the first thing a daemon does with PostgreSQL.
public import CouponCore
public import Logging

/// What the first setup of a database fixed for good.
public struct Installation: Equatable, Sendable {
    /// The database's own random id.
    public let id: String
    /// How coupons are spread over partitions.
    public let partitioning: Partitioning

    /// Runs the migrations that are missing and, the first time, makes the partitions.
    ///
    /// Safe to run twice, and by several daemons at once: one works, the others wait for it, or are
    /// `busy` if that takes long. Blocking, for ten minutes at most.
    /// - Parameters:
    ///   - partitions: P, 1 to `Limits.maximumPartitions`.
    /// - Throws: `refused` if the database was set up with another P, or by a newer coupond.
    public static func setUp(
        _ options: PostgresOptions, partitions: Int, logger: Logger
    ) throws(BackendError) -> Installation {
        let session = Session(options, role: .store, logger: logger)
        try session.checkSchema()
        try session.migrate(logger: logger)
        try session.checkRights()
        return try session.installation(partitions: partitions)
    }
}

extension Session {
    /// How long one script may take, in seconds: a later one may build an index.
    private static let migrationSeconds = 600

    fileprivate func migrate(logger: Logger) throws(BackendError) {
        do throws(BackendError) {
            _ = try run(
                "BEGIN", "SET LOCAL statement_timeout = 0", "SET LOCAL lock_timeout = '8s'",
                Statement(
                    "SELECT pg_advisory_xact_lock($1::int4, 0)", .integer(AdvisoryLock.migration)))
            let version = try schemaVersion()
            let newest = Int64(Migration.all.count)
            guard version <= newest else {
                throw .postgres(
                    .refused(
                        """
                        the database is of schema version \(version), this coupond knows \(newest): \
                        run a coupond at least as new as the one that upgraded it
                        """))
            }
            for migration in Migration.all where migration.number > version {
                try run(script: migration.script, withinSeconds: Self.migrationSeconds)
                _ = try run(
                    Statement(
                        "INSERT INTO coupond.schema_version (version, name) VALUES ($1, $2)",
                        .integer(migration.number), .text(migration.name)))
                logger.info(
                    "schema migrated",
                    metadata: [
                        LogKey.version: "\(migration.number)", LogKey.name: "\(migration.name)",
                    ])
            }
            _ = try run("COMMIT")
        } catch {
            rollBack()
            throw error
        }
    }

    /// The number of the last migration. Makes schema and table if there are none; only that needs the right
    /// to create.
    private func schemaVersion() throws(BackendError) -> Int64 {
        let isThere = try run(
            "SELECT pg_catalog.to_regclass('coupond.schema_version') IS NOT NULL")
        if !isThere.boolean(0, 0) {
            _ = try run(
                "CREATE SCHEMA IF NOT EXISTS coupond",
                """
                CREATE TABLE coupond.schema_version (
                    version integer PRIMARY KEY,
                    name text NOT NULL,
                    migrated_at timestamptz NOT NULL DEFAULT now()
                )
                """)
        }
        return try run("SELECT coalesce(max(version), 0) FROM coupond.schema_version").integer(0, 0)
    }

    /// The first caller fixes P; everybody reads it back.
    fileprivate func installation(partitions: Int) throws(BackendError) -> Installation {
        do throws(BackendError) {
            _ = try run(
                "BEGIN",
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
            throw error
        }
        let rows = try run("SELECT install_id::text, partitions FROM coupond.installation")
        guard rows.count == 1, rows.integer(0, 1) == partitions else {
            throw .postgres(
                .refused(
                    """
                    the database was set up with \(rows.count == 1 ? rows.integer(0, 1) : 0) partitions, \
                    the configuration says \(partitions): the number cannot change
                    """))
        }
        return Installation(id: rows.text(0, 0), partitioning: Partitioning(count: partitions))
    }
}
