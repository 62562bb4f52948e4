import CouponClient
import CouponCore
import CouponWire
import Foundation
import NIOCore
import TestSupport
import TestWorld
import Testing

/// A finished coupon leaves the gate when its time has come, whoever is loading it or asking for it (rule
/// 32, hole 13). The time is made short here: the keys go together, and only those that are to expire.
@Suite(.machine(.overloading), .timeLimit(.minutes(3))) struct UnloadTests {
    @Test func `who read a coupon before it was sold out and expired does not reopen it`()
        async throws
    {
        let world = try await World()
        let (slow, other) = (try await world.daemon(), try await world.daemon())
        let coupon = try await other.client.create(.offer(5, total: 1)).id
        let stall = try await world.stallTheFirstLoad()
        let request = IssueRequest(coupon: coupon, user: UserID(2), requestID: .random())
        async let late = slow.client.issue(
            request, deadline: .seconds(20), retrying: RetryPolicy())
        // From here it has read that nobody has the coupon.
        try await eventually("the slow daemon loads") { try world.isALoadStalled }
        #expect(try await other.win(coupon, 1) == 1)
        try await eventually("it expires") { try await world.expireFinished(coupon) }
        try await stall.release()
        #expect(try await late == .soldOut)
        #expect(try world.sql("SELECT count(*) FROM coupond.issue_rejection") == "0")
        for daemon in [other, slow] { #expect(try await daemon.stop() == .code(0)) }
    }

    @Test func `a coupon that expires and is raised again and again, with a crowd around it`()
        async throws
    {
        let users: Int64 = 120
        let world = try await World()
        let (one, other) = (try await world.daemon(), try await world.daemon())
        let coupon = try await one.client.create(.offer(5, total: 20)).id
        async let asking: Void = crowd(of: users, for: coupon, [one, other]) {
            (try? world.issued) == users
        }
        for total in stride(from: Int64(40), through: users, by: 20) {
            // Otherwise the lock might keep it from being loaded, and it would never be sold out.
            try await eventually("it is loaded") { try world.issued > total - 40 }
            let lock = try await world.lockRefusals()
            try await eventually("it is sold out, and expires") {
                try await world.expireFinished(coupon)
            }
            try await eventually("somebody loads") { try world.loads > 0 }
            async let raised = Self.raise(coupon, to: total, other.client)
            try await lock.release()
            #expect(try await raised == total)
        }
        await asking
        #expect(try world.sql("SELECT count(*) FROM coupond.issue_rejection") == "0")
        #expect(try await one.ask(coupon, users + 1, attempt: 1) == .soldOut)
        try await eventually("the accounts add up", within: .seconds(30)) {
            let audit = try await one.client.audit(coupon, deadline: .seconds(5))
            return audit.judge.isComparable && audit.judge.checks.allSatisfy(\.holds)
        }
        for daemon in [one, other] { #expect(try await daemon.stop() == .code(0)) }
    }

    /// Until it is done: while nothing can be loaded, nothing can be raised.
    private static func raise(
        _ coupon: CouponID, to total: Int64, _ client: CouponClient
    ) async throws -> Int64? {
        try await eventually("it is raised") {
            try await client.update(coupon, CouponChange(total: total)).total == total
        }
        return try await client.coupon(coupon).total
    }
}

extension World {
    /// The first who loads a coupon stands still behind its snapshot, others pass.
    fileprivate func stallTheFirstLoad() async throws -> HeldLock {
        let view = try sql("SELECT rtrim(pg_get_viewdef('coupond.refusal'::regclass), ';')")
        try sql(
            """
            CREATE FUNCTION public.stall() RETURNS boolean LANGUAGE plpgsql AS $$
            BEGIN
                IF pg_try_advisory_lock(1) THEN
                    WHILE NOT pg_try_advisory_xact_lock_shared(2) LOOP
                        PERFORM pg_sleep(0.01);
                    END LOOP;
                END IF;
                RETURN false;
            END $$;
            CREATE OR REPLACE VIEW coupond.refusal AS \(view)
            UNION ALL
            SELECT 0, 0, 0, 0, CASE WHEN public.stall() THEN 0 END, 0, ''::bytea, 1::smallint
            """)
        return try await hold("SELECT pg_advisory_lock(2)")
    }

    /// Whether a load stands still.
    fileprivate var isALoadStalled: Bool {
        get throws {
            try sql(
                """
                SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event = 'PgSleep'
                    AND query LIKE 'FETCH%'
                """) == "1"
        }
    }

    /// The time of a finished coupon comes now.
    /// - Returns: whether it was to expire.
    fileprivate func expireFinished(_ coupon: CouponID) async throws -> Bool {
        let key = "coupond:{\(coupon.rawValue % 16)}:1:\(coupon.rawValue):"
        let script = """
            if redis.call('PTTL', KEYS[1]) <= 0 then return 0 end
            redis.call('PEXPIREAT', KEYS[1], 1)
            redis.call('PEXPIREAT', KEYS[2], 1)
            return 1
            """
        return try await redis.cli("EVAL", script, "2", key + "record", key + "holders") == "1"
    }
}
