/// Rule 54: a session believes nothing before the synchronous standby has it.
internal import CouponCore

extension Session {
    /// Commits something without a meaning. A commit waits for the standby, and the standby gets the log in
    /// order, so afterwards it has all that this session can see. A transaction that only gets a number does
    /// not wait; this one writes to the log. This needs no right and changes no row.
    static let barrier = "SELECT pg_logical_emit_message(true, 'coupond', 'barrier')"

    /// In SQL: whether commits wait for a standby.
    static let commitsWait = "current_setting('synchronous_standby_names') <> ''"

    /// Waits until a synchronous standby has what was committed before this session. A wait that was
    /// cancelled, or ended with its session or server, leaves rows that everybody sees and the standby may
    /// lack.
    /// - Throws: `notConnected` if that takes too long.
    func waitForStandby(_ connection: inout PostgresConnection) throws(SQLFailure) {
        do throws(SQLFailure) {
            _ = try connection.run(
                [endOldWaits, Statement(Self.barrier)], within: options.answerTimeoutMilliseconds)
        } catch {
            guard case .connectionLost(let text) = error else { throw error }
            throw .notConnected(
                "no synchronous standby has confirmed what was committed before: \(text)")
        }
    }

    /// Ends the waits of sessions that were given up: a server process that waits for a standby does not
    /// notice that its client has gone, so each attempt would leave one more.
    private var endOldWaits: Statement {
        Statement(
            """
            SELECT pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
            WHERE wait_event = 'SyncRep' AND usename = current_user AND query = $1
                AND datname = current_database()
                AND query_start < clock_timestamp() - $2 * interval '1 ms'
            """, .text(Self.barrier), .integer(Int64(options.answerTimeoutMilliseconds)))
    }
}
