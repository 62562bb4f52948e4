/// Brings a database up to date and says what it is; the first thing a daemon does with PostgreSQL.
public import CouponCore
public import Logging

/// What the first setup of a database fixed for good.
public struct Installation: Equatable, Sendable {
    /// The database's own random id.
    public let id: String
    /// How coupons are spread over partitions.
    public let partitioning: Partitioning

    /// What a daemon does at its start: runs the migrations that are missing, if the role may, checks its
    /// rights and, the first time, makes the partitions.
    ///
    /// Safe to run twice, and by several daemons at once: one works, the others wait for it, and fail with
    /// `busy` if that takes long. Blocking, for ten minutes at most.
    /// - Parameters:
    ///   - partitions: P, 1 to `Limits.maximumPartitions`.
    ///   - mayMigrate: false if only `coupond migrate` may.
    /// - Throws: `refused` if the database was set up with another P, or by a newer coupond, and if a
    ///   migration or a right is missing.
    public static func setUp(
        _ options: PostgresOptions, partitions: Int, mayMigrate: Bool = true, logger: Logger
    ) throws(BackendError) -> Installation {
        let session = Session(options, role: .store, logger: logger)
        try session.checkSchema()
        if try session.missingMigrations() > 0 {
            try session.checkMayMigrate(atStart: mayMigrate)
            for migration in try session.migrate() {
                logger.info(
                    "schema migrated",
                    metadata: [
                        LogKey.version: "\(migration.number)", LogKey.name: "\(migration.name)",
                    ])
            }
        }
        try session.checkRights()
        return try session.installation(partitions: partitions)
    }

    /// Finds what a daemon's start would refuse, and changes nothing.
    /// - Returns: what a start would do, in words for people.
    /// - Throws: as `setUp`.
    public static func check(
        _ options: PostgresOptions, partitions: Int, mayMigrate: Bool, logger: Logger
    ) throws(BackendError) -> String {
        let session = Session(options, role: .store, logger: logger)
        try session.checkSchema()
        let missing = try session.missingMigrations()
        guard missing == 0 else {
            try session.checkMayMigrate(atStart: mayMigrate)
            return "migrations that a start would run: \(missing)"
        }
        try session.checkRights()
        if try session.run("SELECT EXISTS (SELECT FROM coupond.installation)").boolean(0, 0) {
            _ = try session.installation(partitions: partitions)
        }
        return "the schema is up to date"
    }

    /// What `coupond migrate` does, with the owner's connection string. Safe to run again.
    /// - Parameters:
    ///   - partitions: P, as for `setUp`.
    ///   - role: gets the rights of a daemon; nil if nobody does.
    ///   - report: gets a line for each thing that was done.
    /// - Throws: `refused` as `setUp`, and if the caller does not own the schema, or `role` owns part of it.
    public static func migrate(
        _ options: PostgresOptions, partitions: Int, grantTo role: String?, logger: Logger,
        report: (String) -> Void
    ) throws(BackendError) -> Installation {
        let session = Session(options, role: .store, logger: logger)
        try session.checkSchema()
        try session.checkMayMigrate(atStart: true)
        if let role { try session.checkMayGrant(to: role) }
        for migration in try session.migrate() {
            report("migrated to version \(migration.number): \(migration.name)")
        }
        let installation = try session.installation(partitions: partitions)
        if let role {
            try session.grant(to: role)
            report("granted the rights of a daemon to \(role)")
        }
        report(
            "the schema has version \(Migration.newest) and \(installation.partitioning.count) partitions"
        )
        return installation
    }
}

extension Session {
    /// How many migrations the database lacks.
    /// - Throws: `refused` if a newer coupond has upgraded it.
    func missingMigrations() throws(BackendError) -> Int64 {
        let version = try schemaVersion()
        guard version <= Migration.newest else {
            throw .postgres(
                .refused(
                    """
                    the database is of schema version \(version), this coupond knows \
                    \(Migration.newest): run a coupond at least as new as the one that upgraded it
                    """))
        }
        return Migration.newest - version
    }

    /// The number of the last migration; 0 if there is none.
    private func schemaVersion() throws(BackendError) -> Int64 {
        // Not by to_regclass: within a transaction it may know nothing of what another one has committed.
        let isThere = try run(
            """
            SELECT EXISTS (SELECT FROM pg_catalog.pg_class AS c
                JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                WHERE n.nspname = 'coupond' AND c.relname = 'schema_version')
            """)
        guard isThere.boolean(0, 0) else { return 0 }
        return try run("SELECT coalesce(max(version), 0) FROM coupond.schema_version").integer(0, 0)
    }

    /// The first caller fixes P; everybody reads it back.
    fileprivate func installation(partitions: Int) throws(BackendError) -> Installation {
        let isSetUp = try run("SELECT EXISTS (SELECT FROM coupond.installation)").boolean(0, 0)
        if !isSetUp { try makePartitions(partitions) }
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
