/// A primary and its standby.

extension PostgresServer {
    /// Makes a standby stop receiving. To pause its replay is not enough: the promotion would replay what was
    /// received.
    public func stopFollowing() async throws {
        try query("ALTER SYSTEM SET primary_conninfo = ''", on: connection())
        try query("SELECT pg_reload_conf()", on: connection())
        try await eventually("the standby receives nothing") {
            try query("SELECT count(*) FROM pg_stat_wal_receiver", on: connection()) == "0"
        }
    }

    /// Makes a standby the primary, and waits until it is.
    public func promote() throws { try query("SELECT pg_promote()", on: connection()) }

    /// Lets each commit wait for a standby that follows.
    public func waitForAnyStandby() async throws {
        try nameStandbys("*")
        try await eventually("a standby is synchronous") {
            let states = "SELECT string_agg(sync_state, ',') FROM pg_stat_replication"
            return try query(states, on: connection()) == "sync"
        }
    }

    /// Lets each commit wait for a standby that does not exist.
    public func waitForMissingStandby() async throws {
        try nameStandbys("nobody")
        // Sessions learn of it one after the other, and none shows whether a commit would wait.
        var probes: [ServerProcess] = []
        try await eventually("a commit waits for a standby") {
            if try commitsInWait > 0 { return true }
            probes.append(
                try startSilentClient(
                    ["SELECT pg_logical_emit_message(true, 'probe', '')"], on: connection()))
            return false
        }
        try await eventually("the probes have ended") {
            try endWaits(by: "pg_terminate_backend")
            return try commitsInWait == 0
        }
        _ = consume probes
    }

    /// Soon each commit waits, as if the synchronous standby were away.
    public func loseStandby() throws { try nameStandbys("nobody") }

    /// Lets no commit wait for a standby.
    public func waitForNoStandby() throws { try nameStandbys("") }

    private func nameStandbys(_ names: String) throws {
        try query("ALTER SYSTEM SET synchronous_standby_names = '\(names)'", on: connection())
        try query("SELECT pg_reload_conf()", on: connection())
    }

    /// How many commits wait for a standby.
    public var commitsInWait: Int {
        get throws {
            let count = try query(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'",
                on: connection())
            return Int(count) ?? -1
        }
    }

    /// Ends all waits for a standby. What waited is committed here, and not there.
    /// - Parameter function: `pg_cancel_backend`, or `pg_terminate_backend`, which ends the session too.
    public func endWaits(by function: String = "pg_cancel_backend") throws {
        try query(
            "SELECT \(function)(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'",
            on: connection())
    }
}
