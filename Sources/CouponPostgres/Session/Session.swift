/// One session with PostgreSQL that is made when it is needed and forgotten when it breaks.
///
/// A break is always reported: the call that meets it throws `sessionLost`, and only the next call connects.
/// So no caller continues with locks that are gone.
internal import CouponCore
internal import Logging

final class Session {
    /// What a session is for decides how long it may be silent.
    enum Role {
        /// Holds locks that must not outlive a stopped daemon (rule 9).
        case ledger
        /// Idles between questions.
        case store
    }

    let options: PostgresOptions
    private let role: Role
    private let logger: Logger
    private var connection: PostgresConnection?
    /// Gets the result of the statement in flight; nil if none is.
    private var whenFinished: ((borrowing Rows) -> Void)?
    /// How long a statement may take now; nil: as in the options.
    var statementMilliseconds: Int?
    /// Counts connections: what belonged to an earlier one is gone.
    private(set) var generation = 0

    init(_ options: PostgresOptions, role: Role, logger: Logger) {
        self.options = options
        self.role = role
        self.logger = logger
    }

    var isConnected: Bool { connection != nil }

    private var answerMilliseconds: Int {
        let longer = (statementMilliseconds ?? 0) - options.statementTimeoutMilliseconds
        return options.answerTimeoutMilliseconds + max(0, longer)
    }

    /// Runs statements in one round trip. Returns the result of the last.
    func run(_ statements: Statement...) throws(BackendError) -> Rows {
        do { return try attempt(statements) } catch { throw .postgres(PostgresFault(error)) }
    }

    /// The same, with work in between.
    /// - Parameters:
    ///   - work: done while the server works on the statements. It must not use the session.
    ///   - body: gets the result of each statement before the last, with its index.
    func run(
        _ statements: [Statement], during work: () -> Void = {},
        earlier body: (Int, borrowing Rows) -> Void
    ) throws(BackendError) -> Rows {
        do { return try attempt(statements, during: work, earlier: body) } catch {
            throw .postgres(PostgresFault(error))
        }
    }

    /// The same, with PostgreSQL's own error.
    func attempt(
        _ statements: [Statement], during work: () -> Void = {},
        earlier body: (Int, borrowing Rows) -> Void = { _, _ in }
    ) throws(SQLFailure) -> Rows {
        finish()
        do throws(SQLFailure) {
            try connectIfNeeded()
            try connection?.begin(statements, within: answerMilliseconds)
            work()
            let rows = try connection?.finish(
                statements.count, within: answerMilliseconds, earlier: body)
            guard let rows else { throw .connectionLost("not connected") }
            return rows
        } catch {
            throw closedIfLost(error)
        }
    }

    /// Sends a statement without waiting for its result: the server works on it while the caller does
    /// something else. The result is read by `finish`, or before the session's next statement.
    /// - Parameter body: gets the result; it is not called if the statement fails.
    func begin(_ statement: Statement, then body: @escaping (borrowing Rows) -> Void) {
        finish()
        do throws(SQLFailure) {
            try connectIfNeeded()
            try connection?.begin([statement], within: answerMilliseconds)
            whenFinished = body
        } catch {
            _ = closedIfLost(error)
        }
    }

    /// Waits for the result of the statement in flight, if there is one.
    func finish() {
        guard let body = whenFinished else { return }
        whenFinished = nil
        do throws(SQLFailure) {
            guard let rows = try connection?.finish(1, within: answerMilliseconds)
            else { return }
            body(rows)
        } catch {
            _ = closedIfLost(error)
        }
    }

    /// Runs a COPY … FROM STDIN. Returns how many rows it inserted.
    func copy(_ sql: String, _ bytes: [UInt8]) throws(SQLFailure) -> Int {
        finish()
        do throws(SQLFailure) {
            let rows = try connection?.copy(
                sql, bytes, within: answerMilliseconds)
            guard let rows else { throw .connectionLost("not connected") }
            return rows.affected
        } catch {
            throw closedIfLost(error)
        }
    }

    /// Runs a text of many statements, which may take long.
    func run(script: String, withinSeconds seconds: Int) throws(BackendError) {
        finish()
        do throws(SQLFailure) {
            try connectIfNeeded()
            try connection?.run(script: script, within: 1_000 * seconds)
        } catch {
            throw .postgres(PostgresFault(closedIfLost(error)))
        }
    }

    /// Ends a transaction that failed. A session that cannot even do that is given up.
    func rollBack() {
        guard isConnected else { return }
        do { _ = try attempt(["ROLLBACK"]) } catch { close() }
    }

    /// Ends the session, and with it its locks.
    func close() {
        connection = nil
        whenFinished = nil
    }

    /// A store's session that has died while it was idle costs its next caller nothing. The session of a
    /// ledger had locks, so its end is reported.
    private func connectIfNeeded() throws(SQLFailure) {
        if case .store = role, connection?.hasDiedIdle == true { close() }
        guard connection == nil else { return }
        connection = try open()
        generation += 1
    }

    /// Counts a refusal, and closes the connection if it cannot be used after this error.
    private func closedIfLost(_ failure: SQLFailure) -> SQLFailure {
        if case .refused(let state, _) = failure, state != PostgresFault.fence, !failure.blamesData
        {
            options.countRefusal(state)
        }
        if case .sessionLost = PostgresFault(failure) {
            options.countLoss()
            logger.debug(
                "connection to PostgreSQL lost", metadata: [LogKey.error: "\(failure.message)"])
            close()
        }
        return failure
    }

    private func open() throws(SQLFailure) -> PostgresConnection {
        var connection = try PostgresConnection(options, logger: logger)
        // idle_session_timeout came with 14.
        guard connection.serverVersion >= 140_000 else {
            throw .refused(
                state: "0A000",
                message: "PostgreSQL 14 or later is needed, this is \(connection.serverVersion)")
        }
        try connection.run(script: settings, within: options.answerTimeoutMilliseconds)
        if try checkServer(&connection) { try waitForStandby(&connection) }
        return connection
    }

    /// A pooler gives its client a process id of its own. It may hand each transaction to another backend,
    /// and then the locks of this session are not its own (rule 9).
    /// - Returns: whether the server's commits wait for a standby.
    private func checkServer(_ connection: inout PostgresConnection) throws(SQLFailure) -> Bool {
        let rows = try connection.run(
            [Statement("SELECT pg_backend_pid(), \(Self.commitsWait)")],
            within: options.answerTimeoutMilliseconds)
        guard rows.count == 1, rows.integer(0, 0) == connection.backend else {
            throw .refused(
                state: "0A000",
                message: """
                    there is a connection pooler, such as pgbouncer, in between: coupond's locks \
                    need sessions of its own, so connect it to PostgreSQL itself
                    """)
        }
        return rows.boolean(0, 1)
    }

    private var settings: String {
        // No scans: every statement reads a page by an index. After millions of new rows, of which the
        // planner knows nothing yet, it would read and sort the whole table for each page.
        // Plans are made once: with these settings no parameter changes a plan, and to plan a status or an
        // INSERT takes longer than to run it.
        // A database with SQL_ASCII converts nothing, and would refuse to give what is not UTF-8.
        // A store may idle longer in a transaction: lowering a total calls the gate inside it.
        let (idle, idleInTransaction) =
            switch role {
            case .ledger: (options.idleTimeoutMilliseconds, options.idleTimeoutMilliseconds)
            case .store: (0, options.statementTimeoutMilliseconds)
            }
        return """
            SELECT set_config('client_encoding', 'SQL_ASCII', false)
                WHERE current_setting('server_encoding') = 'SQL_ASCII';
            SET synchronous_commit = on;
            SET client_min_messages = notice;
            SET statement_timeout = \(options.statementTimeoutMilliseconds);
            SET lock_timeout = \(options.lockTimeoutMilliseconds);
            SET enable_seqscan = off;
            SET enable_bitmapscan = off;
            SET max_parallel_workers_per_gather = 0;
            SET jit = off;
            SET plan_cache_mode = force_generic_plan;
            SET idle_session_timeout = \(idle);
            SET idle_in_transaction_session_timeout = \(idleInTransaction);
            """
    }
}
