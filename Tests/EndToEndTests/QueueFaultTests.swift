/// Faults of draining: entries that cannot be issued, and changes between acceptance and issue. A test that
/// holds a queue holds every coupon of the partition, so the tests run one after the other.
import CouponClient
import CouponCore
import CouponWire
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .sharedWorld(), .serialized, .timeLimit(.minutes(2)))
struct QueueFaultTests {
    @Test func `a request that PostgreSQL refuses becomes a dead letter, and the queue goes on`()
        async throws
    {
        let (world, daemon) = (try SharedWorld.current.world, try SharedWorld.current.one)
        let coupon = try await daemon.offer(total: 5)
        try world.sql(
            """
            CREATE FUNCTION refuse_\(coupon.rawValue)() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                RAISE EXCEPTION 'not for 13' USING ERRCODE = '23514';
            END $$;
            CREATE TRIGGER refuse_\(coupon.rawValue) BEFORE INSERT ON coupond.coupon_issue
                FOR EACH ROW
                WHEN (NEW.coupon_id = \(coupon.rawValue) AND NEW.user_id = 13)
                EXECUTE FUNCTION refuse_\(coupon.rawValue)()
            """)
        #expect(try await daemon.win(coupon, 1) == 1)
        #expect(
            try await daemon.ask(coupon, 13, waitFor: .issued)
                == .rejected(sequence: 2, reason: .deadLetter))
        #expect(try await daemon.win(coupon, 3) == 3)
        #expect(try await SharedWorld.current.other.win(coupon, 4) == 4)
        #expect(
            try await daemon.status(coupon, 13) == .rejected(sequence: 2, reason: .deadLetter))
        let letters = try world.sql(
            """
            SELECT user_id, sequence, error LIKE '%not for 13%' FROM coupond.dead_letter
            WHERE coupon_id = \(coupon.rawValue)
            """)
        #expect(letters == "13|2|t")
        // The letter's slot is held until an admin decides on it.
        #expect(try await daemon.win(coupon, 5) == 5)
        #expect(try await daemon.ask(coupon, 6) == .soldOut)
    }

    @Test func `a refused request does not affect the rest of its batch`() async throws {
        let (world, daemon) = (try SharedWorld.current.world, try SharedWorld.current.one)
        let coupon = try await daemon.offer(total: nil)
        try world.sql(
            """
            ALTER TABLE coupond.coupon_issue ADD CONSTRAINT refuse_\(coupon.rawValue)
                CHECK (coupon_id <> \(coupon.rawValue) OR user_id % 50 <> 7)
            """)
        let lock = try await world.lock(coupon)
        for user in 1...200 { _ = try await daemon.ask(coupon, Int64(user)) }
        try await lock.release()
        try await eventually("the queue is drained") {
            try await daemon.client.status(of: coupon).queued == 0
        }
        let audit = try await daemon.client.audit(coupon)
        #expect(audit.accounts.rows?.count == 196 && audit.accounts.deadLettered == 4)
        for user in [7, 57, 107, 157] {
            #expect(
                try await daemon.status(coupon, Int64(user))
                    == .rejected(sequence: Int64(user), reason: .deadLetter))
        }
    }

    @Test func `a damaged queue entry becomes a dead letter, and the queue goes on`() async throws {
        let (world, daemon) = (try SharedWorld.current.world, try SharedWorld.current.one)
        let coupon = try await daemon.offer(total: 5)
        let lock = try await world.lock(coupon)
        for user in 1...3 { _ = try await daemon.ask(coupon, Int64(user)) }
        let queue = "coupond:{\(coupon.rawValue % 16)}:queue"
        try await world.damageLastButOne(in: queue)
        // The scheduler gives up what it had read before, once it has waited for the lock long enough.
        let damaged = try world.sql("SELECT clock_timestamp()")
        try await eventually("the scheduler has read the queue again") {
            try world.sql(
                """
                SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'
                    AND xact_start > '\(damaged)'
                """) != "0"
        }
        try await lock.release()
        try await eventually("the others have it") {
            guard try await daemon.holds(coupon, 3) else { return false }
            return try await daemon.holds(coupon, 1)
        }
        #expect(
            try await daemon.status(coupon, 2) == .rejected(sequence: 2, reason: .deadLetter))
        let bytes = try world.sql(
            """
            SELECT convert_from(bytes, 'UTF8') FROM coupond.dead_letter
            WHERE coupon_id = \(coupon.rawValue)
            """)
        #expect(bytes == "rubbish")
        #expect(try await daemon.win(coupon, 4) == 4)
    }

    @Test func `a request accepted within the window is issued after it`() async throws {
        let (world, daemon) = (try SharedWorld.current.world, try SharedWorld.current.one)
        let coupon = try await daemon.offer(total: nil)
        let lock = try await queueBehindLock(coupon, world, daemon)
        #expect(try await daemon.ask(coupon, 1) == .accepted(sequence: 1))
        _ = try await daemon.client.update(coupon, CouponChange(closes: .now(plus: 0.5)))
        var user: Int64 = 1
        try await eventually("the window ends") {
            user += 1
            return try await daemon.ask(coupon, user) == .ended
        }
        #expect(try await daemon.status(coupon, 1) == .queued(sequence: 1))
        try await lock.release()
        try await eventually("user 1 has it") { try await daemon.holds(coupon, 1) }
    }

    @Test func `a queued user learns how many are before`() async throws {
        let (world, daemon) = (try SharedWorld.current.world, try SharedWorld.current.one)
        let coupon = try await daemon.offer(total: 5)
        let lock = try await queueBehindLock(coupon, world, daemon)
        for user in 1...3 as ClosedRange<Int64> {
            #expect(try await daemon.ask(coupon, user) == .accepted(sequence: user))
        }
        let status = try await daemon.client.status(of: coupon, user: UserID(3))
        #expect(status.user == .queued(sequence: 3) && status.place?.ahead == 2)
        try await lock.release()
        try await eventually("user 3 has it") { try await daemon.holds(coupon, 3) }
        #expect(try await daemon.client.status(of: coupon, user: UserID(3)).place == nil)
    }

    @Test func `closing does not affect accepted requests`() async throws {
        let (world, daemon) = (try SharedWorld.current.world, try SharedWorld.current.one)
        let coupon = try await daemon.offer(total: 5)
        let lock = try await queueBehindLock(coupon, world, daemon)
        #expect(try await daemon.ask(coupon, 1) == .accepted(sequence: 1))
        #expect(try await daemon.client.close(coupon).state == .closed)
        #expect(try await daemon.status(coupon, 1) == .queued(sequence: 1))
        try await lock.release()
        try await eventually("user 1 has it") { try await daemon.holds(coupon, 1) }
    }

    @Test func `a rejected request gives its slot back`() async throws {
        let (world, daemon) = (try SharedWorld.current.world, try SharedWorld.current.one)
        let coupon = try await daemon.offer(total: 1)
        // The coupon is loaded before the row is written, so the gate does not know the row.
        _ = try await daemon.client.pause(coupon)
        #expect(try await daemon.ask(coupon, 1) == .paused)
        _ = try await daemon.client.resume(coupon)
        let lock = try await world.lock(coupon)
        let name = RequestID.random()
        try await eventually("user 1 is accepted") {
            try await daemon.ask(coupon, 1, name) == .accepted(sequence: 1)
        }
        #expect(try await daemon.ask(coupon, 2) == .soldOut)
        try world.sql(
            """
            INSERT INTO coupond.coupon_issue
            VALUES (\(coupon.rawValue), 1, 77, now(), now(), 'elsewhere')
            """)
        try await lock.release()
        try await eventually("user 1's request is rejected, its slot free") {
            guard case .accepted = try await daemon.ask(coupon, 2) else { return false }
            return true
        }
        #expect(
            try await daemon.ask(coupon, 1, .random(), attempt: 1)
                == .duplicate(sequence: 77, state: .issued))
        let rejections = try world.sql(
            """
            SELECT user_id, sequence, reason FROM coupond.issue_rejection
            WHERE coupon_id = \(coupon.rawValue)
            """)
        #expect(rejections == "1|1|2")
    }
}

/// Puts an entry of another coupon into the queue that cannot be issued until the lock is released: later
/// entries wait, while the coupon itself can be changed.
private func queueBehindLock(
    _ coupon: CouponID, _ world: World, _ daemon: Daemon
) async throws -> HeldLock {
    let neighbour = CouponID(coupon.rawValue + 16 * 1_000_000)
    _ = try await daemon.client.create(.offer(neighbour.rawValue, total: 1))
    let lock = try await world.lock(neighbour)
    #expect(try await daemon.ask(neighbour, 1) == .accepted(sequence: 1))
    return lock
}

extension World {
    /// Rewrites the entries of a queue, the last but one with unreadable bytes.
    fileprivate func damageLastButOne(in queue: String) async throws {
        let answer = try await redis.cli(
            "EVAL",
            """
            local entries = redis.call('XRANGE', KEYS[1], '-', '+')
            redis.call('DEL', KEYS[1])
            for i, entry in ipairs(entries) do
              local bytes = i == #entries - 1 and 'rubbish' or entry[2][2]
              redis.call('XADD', KEYS[1], entry[1], 'e', bytes)
            end
            return #entries
            """, "1", queue)
        #expect(try #require(Int(answer)) >= 3)
    }
}
