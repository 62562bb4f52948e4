/// Faults of PostgreSQL: it dies, stalls, fails statements or has no room.
internal import CouponCore
internal import Foundation
internal import TestSupport
internal import TestWorld

extension Stage {
    /// An error with which PostgreSQL may end any transaction.
    enum TransactionError: String {
        case deadlock = "40P01"
        case serialization = "40001"
    }

    func killPostgres(for lasts: Duration) async throws {
        try await world.postgres.kill()
        try await Task.sleep(for: lasts)
        try await world.postgres.start()
    }

    func stopPostgres(for lasts: Duration) async throws {
        world.postgres.pause()
        defer { world.postgres.resume() }
        try await Task.sleep(for: lasts)
    }

    /// The postmaster treats this as a crash: it ends all sessions and recovers.
    func killBackend() async throws {
        let pids = try await retrying {
            try world.sql("SELECT pid \(Self.sessions) ORDER BY random()")
        }
        guard let pid = pids.split(separator: "\n").first.flatMap({ Int32($0) }) else { return }
        kill(pid, SIGKILL)
    }

    func endSessions() async throws {
        try await retrying { try world.sql("SELECT pg_terminate_backend(pid) \(Self.sessions)") }
    }

    private static let sessions = """
        FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
            AND backend_type = 'client backend'
        """

    func lock(_ coupon: CouponID, for lasts: Duration) async throws {
        let lock = try await retrying { try await world.lock(coupon) }
        try await Task.sleep(for: lasts)
        try await lock.release()
    }

    /// Raises the error where PostgreSQL would: a deadlock in a statement, a serialization failure at the
    /// commit.
    func fail(_ error: TransactionError, for lasts: Duration) async throws {
        let (trigger, probability) =
            switch error {
            case .deadlock:
                (
                    "TRIGGER chaos_error BEFORE INSERT ON coupond.coupon_issue FOR EACH STATEMENT",
                    0.6
                )
            case .serialization:
                (
                    "CONSTRAINT TRIGGER chaos_error AFTER INSERT ON coupond.coupon_issue"
                        + " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW", 0.1
                )
            }
        try await retrying {
            try world.sql(
                """
                CREATE OR REPLACE FUNCTION public.chaos_error() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    IF random() < \(probability) THEN
                        RAISE EXCEPTION 'chaos' USING ERRCODE = '\(error.rawValue)';
                    END IF;
                    RETURN NULL;
                END $$;
                CREATE \(trigger) EXECUTE FUNCTION public.chaos_error();
                """)
        }
        try await Task.sleep(for: lasts)
        try await retrying { try world.sql("DROP TRIGGER chaos_error ON coupond.coupon_issue") }
    }

    func loseStandby(for lasts: Duration) async throws {
        try await retrying { try world.postgres.loseStandby() }
        try await Task.sleep(for: lasts)
        try await retrying { try world.postgres.waitForNoStandby() }
    }

    /// Fills the disk, and makes PostgreSQL need new files for its log until it stops.
    func fillLogDisk(for lasts: Duration) async throws {
        world.postgres.fillLogDisk()
        try await repeatedly(for: lasts) { try? world.sql("SELECT pg_switch_wal()") }
        try await world.postgres.emptyLogDisk()
    }
}
