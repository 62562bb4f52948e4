import CouponClient
import CouponCore
import TestSupport
import TestWorld
import Testing

/// Keys and rows that another program changed: the daemon goes on, and what can heal heals.
@Suite(.machine(.asking), .timeLimit(.minutes(2))) struct ForeignHandTests {
    /// A daemon, and coupon 3 of partition 3 with one issue.
    private struct Stage {
        let world: World
        let daemon: Daemon
        let coupon = CouponID(3)

        init(_ arguments: [String] = []) async throws {
            world = try await World()
            daemon = try await world.daemon(arguments)
            _ = try await daemon.client.create(.offer(3, total: nil))
            #expect(try await daemon.win(coupon, 1) == 1)
        }

        /// The coupon is served, and so is another partition's.
        func expectService() async throws {
            try await daemon.winSoon(coupon, 2)
            let other = try await daemon.offer(total: 1)
            try await daemon.winSoon(other, 1)
            try await daemon.ready()
            #expect(try await daemon.stop() == .code(0))
        }
    }

    @Test(arguments: ["gate", "queue", "epochs", "1:coupons", "1:3:record", "1:3:holders"])
    func `a key of another type heals by itself`(key: String) async throws {
        let stage = try await Stage()
        try await stage.world.redis.cli("DEL", "coupond:{3}:\(key)")
        try await stage.world.redis.cli("SET", "coupond:{3}:\(key)", "x")
        try await stage.expectService()
    }

    @Test(arguments: ["9223372036854775808-0", "1-9223372036854775807", "*"])
    func `an entry of another program stops no partition`(id: String) async throws {
        let stage = try await Stage()
        try await stage.world.redis.cli("XADD", "coupond:{3}:queue", id, "e", "x")
        try await stage.expectService()
    }

    @Test func `an entry that is larger than any reply stops no partition`() async throws {
        let stage = try await Stage()
        let script = """
            redis.call('XADD', KEYS[1], '1-1000', 'e', string.rep('x', 70 * 1048576))
            """
        try await stage.world.redis.cli("EVAL", script, "1", "coupond:{3}:queue")
        try await stage.expectService()
    }

    @Test func `an event of another program does not end a daemon`() async throws {
        let stage = try await Stage()
        for numbers in ["-9223372036854775807", "4611686018427387904"] {
            let script = """
                for _ = 1, 2 do
                  redis.call('PUBLISH', 'coupond:{3}:events', struct.pack('>BI4i8i8i8i8i8i8i8BI4I4',
                    1, 3, 1, 1, \(numbers), 1, 4611686018427387904, \(numbers), 5, 0, 0, 0))
                end
                """
            try await stage.world.redis.cli("EVAL", script, "0")
        }
        try await stage.expectService()
    }

    @Test func `no time in the tables ends a daemon, not even at its start`() async throws {
        let stage = try await Stage()
        let world = stage.world
        _ = try await stage.daemon.client.create(.offer(19, total: 5))
        _ = try await stage.daemon.client.create(.offer(35, total: 5))
        try world.sql(
            """
            UPDATE coupond.coupon SET closes_at = 'infinity' WHERE id = 3;
            UPDATE coupond.coupon SET opens_at = '-infinity', closes_at = '294276-12-31'
                WHERE id = 19;
            UPDATE coupond.coupon SET opens_at = '294000-01-01', closes_at = 'infinity'
                WHERE id = 35;
            UPDATE coupond.coupon_issue SET accepted_at = 'infinity', issued_at = '-infinity';
            INSERT INTO coupond.dead_letter (partition, epoch, n, error, created_at, accepted_at)
                VALUES (3, 9223372036854775807, -1, 'x', 'infinity', '-infinity');
            INSERT INTO coupond.issue_rejection
                VALUES (3, 1, 99, 99, 3, 99, 77, 'infinity', 'x');
            INSERT INTO coupond.gate_outbox VALUES (19, 'infinity'), (35, '-infinity')
            """)
        #expect(try await stage.daemon.status(CouponID(3), 1) != .none)
        #expect(try await stage.daemon.client.coupons().count == 3)
        #expect(try await stage.daemon.client.issues(of: CouponID(3)).count == 1)
        #expect(try await stage.daemon.client.deadLetters().count == 1)
        _ = try await stage.daemon.client.audit(CouponID(3))
        #expect(try await stage.daemon.ask(CouponID(19), 1) == .accepted(sequence: 1))
        let late = try await stage.daemon.ask(CouponID(35), 1)
        guard case .notOpen = late else { throw Unexpected(what: "\(late)") }
        let other = try await world.daemon()
        #expect(try await other.ask(CouponID(19), 2) == .accepted(sequence: 2))
        #expect(try await other.stop() == .code(0))
        try await stage.expectService()
    }

    @Test func `every finished coupon leaves Redis, even an unlimited one`() async throws {
        let stage = try await Stage(["--finished-retention", "1s"])
        let (world, client) = (stage.world, stage.daemon.client)
        // Coupons of partition 3: sold out, closed, ended, and ended and unlimited.
        for (id, total) in [(19, 1), (35, 5), (51, 5), (67, nil)] as [(Int64, Int64?)] {
            _ = try await client.create(.offer(id, total: total))
            #expect(try await stage.daemon.win(CouponID(id), 1) == 1)
        }
        _ = try await client.close(CouponID(35))
        for id in [51, 67] as [Int64] {
            _ = try await client.update(CouponID(id), CouponChange(closes: .now(plus: 0)))
        }
        for id in [19, 35, 51, 67] {
            try await eventually("coupon \(id) leaves") {
                let keys = ["record", "holders"].map { "coupond:{3}:1:\(id):\($0)" }
                return try await world.redis.cli(["EXISTS"] + keys) == "0"
            }
        }
        try await stage.expectService()
    }
}
