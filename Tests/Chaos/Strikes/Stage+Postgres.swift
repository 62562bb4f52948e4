/// PostgreSQL dies, stands still, refuses or has no room.
internal import CouponCore
internal import Foundation
internal import TestSupport
internal import TestWorld

extension Stage {
    /// An error that PostgreSQL may end a transaction with at any time.
    enum Disagreement: String {
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

    /// The postmaster takes it for a crash: all sessions end, and it recovers.
    func killBackend() async throws {
        let pids = try await insist {
            try world.sql("SELECT pid \(Self.sessions) ORDER BY random()")
        }
        guard let pid = pids.split(separator: "\n").first.flatMap({ Int32($0) }) else { return }
        kill(pid, SIGKILL)
    }

    func endSessions() async throws {
        try await insist { try world.sql("SELECT pg_terminate_backend(pid) \(Self.sessions)") }
    }

    private static let sessions = """
        FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
            AND backend_type = 'client backend'
        """

    func lock(_ coupon: CouponID, for lasts: Duration) async throws {
        let lock = try await insist { try await world.lock(coupon) }
        try await Task.sleep(for: lasts)
        try await lock.release()
    }

    /// Raises the error where PostgreSQL would: of a deadlock a statement hears, of a failed
    /// serialization the commit.
    func fail(_ disagreement: Disagreement, for lasts: Duration) async throws {
        let (trigger, probability) =
            switch disagreement {
            case .deadlock:
                ("TRIGGER disagree BEFORE INSERT ON coupond.coupon_issue FOR EACH STATEMENT", 0.6)
            case .serialization:
                (
                    "CONSTRAINT TRIGGER disagree AFTER INSERT ON coupond.coupon_issue"
                        + " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW", 0.1
                )
            }
        try await insist {
            try world.sql(
                """
                CREATE OR REPLACE FUNCTION public.disagree() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    IF random() < \(probability) THEN
                        RAISE EXCEPTION 'chaos' USING ERRCODE = '\(disagreement.rawValue)';
                    END IF;
                    RETURN NULL;
                END $$;
                CREATE \(trigger) EXECUTE FUNCTION public.disagree();
                """)
        }
        try await Task.sleep(for: lasts)
        try await insist { try world.sql("DROP TRIGGER disagree ON coupond.coupon_issue") }
    }

    /// PostgreSQL stops when it needs a new file for its log: here, soon.
    func fillLogDisk(for lasts: Duration) async throws {
        world.postgres.fillLogDisk()
        try await again(for: lasts) { try? world.sql("SELECT pg_switch_wal()") }
        try await world.postgres.emptyLogDisk()
    }
}
