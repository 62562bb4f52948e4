import CouponClient
import CouponCore
import CouponWire
import NIOCore
import TestSupport
import TestWorld
import Testing

/// Admins redrive or discard requests that could not be issued, and their users get the result.
@Suite(.machine(.asking), .timeLimit(.minutes(2))) struct DeadLetterTests {
    /// Two daemons; a coupon of 3; user 1 has it, the requests of users 2 and 3 are dead letters.
    private struct Stage {
        let world: World
        let one: Daemon
        let other: Daemon
        let coupon = CouponID(3)
        var letters: [DeadLetter] = []

        init() async throws {
            world = try await World()
            one = try await world.daemon()
            other = try await world.daemon()
            _ = try await one.client.create(.offer(3, total: 3))
            try await one.win(coupon, 1)
            try world.sql(
                """
                CREATE FUNCTION public.guard() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '22003'; END $$;
                CREATE TRIGGER guard BEFORE INSERT ON coupond.coupon_issue
                    FOR EACH ROW EXECUTE FUNCTION public.guard()
                """)
            for user in 2...3 {
                #expect(
                    try await ask(Int64(user))
                        == .rejected(sequence: Int64(user), reason: .deadLetter))
            }
            try world.sql("DROP TRIGGER guard ON coupond.coupon_issue")
            letters = try await other.client.deadLetters(of: coupon)
            #expect(letters.map(\.accepted?.user) == [UserID(2), UserID(3)])
            #expect(try await one.ask(coupon, 4) == .soldOut, "their slots are held")
        }

        /// Asks with the user's only request id, as a retry.
        func ask(_ user: Int64) async throws -> Outcome {
            try await one.ask(
                coupon, user, RequestID(high: UInt64(user), low: 0, length: 8), waitFor: .issued,
                attempt: 1)
        }

        func expectBalance() async throws {
            try await eventually("the accounts add up") {
                let audit = try await one.client.audit(coupon)
                return audit.judge.isComparable && audit.judge.checks.allSatisfy(\.holds)
                    && audit.accounts.unsynced == 0
            }
            #expect(try await one.stop() == .code(0))
            #expect(try await other.stop() == .code(0))
        }
    }

    @Test func `a redriven letter is issued, and a discarded one frees its slot`() async throws {
        let stage = try await Stage()
        #expect(try await stage.one.client.redrive(stage.letters[0].id).state == .redriven)
        guard case .issued(sequence: 2, _) = try await stage.ask(2) else {
            Testing.Issue.record("user 2 does not have it")
            return
        }
        #expect(try await stage.other.client.discard(stage.letters[1].id).state == .discarded)
        #expect(try await stage.ask(3) == .rejected(sequence: 3, reason: .discarded))
        #expect(
            try await stage.other.status(stage.coupon, 3)
                == .rejected(sequence: 3, reason: .discarded))
        try await stage.other.winSoon(stage.coupon, 3)
        #expect(try await stage.one.ask(stage.coupon, 4) == .soldOut)
        try await stage.expectBalance()
    }

    @Test func `if two admins decide at once, one decision counts and both get it`() async throws {
        let stage = try await Stage()
        let (one, other) = (stage.one.client, stage.other.client)
        async let first = one.redrive(stage.letters[0].id, deadline: .seconds(20))
        async let second = other.redrive(stage.letters[0].id, deadline: .seconds(20))
        let both = try await [first.state, second.state]
        #expect(both == [.redriven, .redriven])
        async let redrive = try? one.redrive(stage.letters[1].id, deadline: .seconds(20))
        async let discard = try? other.discard(stage.letters[1].id, deadline: .seconds(20))
        let decided = await [redrive, discard]
        #expect(decided.compactMap(\.self).count == 1)
        let rows = try stage.world.sql(
            "SELECT count(*), count(DISTINCT user_id) FROM coupond.coupon_issue")
        #expect(rows == "2|2" || rows == "3|3")
        try await stage.expectBalance()
    }

    @Test func `a total cannot be lowered below the held letters`()
        async throws
    {
        let stage = try await Stage()
        await #expect(throws: ClientError.self) {
            try await stage.other.client.update(stage.coupon, CouponChange(total: 2))
        }
        _ = try await stage.one.client.discard(stage.letters[0].id)
        let lowered = try await stage.other.client.update(stage.coupon, CouponChange(total: 2))
        #expect(lowered.total == 2)
        #expect(try await stage.one.client.redrive(stage.letters[1].id).state == .redriven)
        #expect(try await stage.one.client.coupon(stage.coupon).remaining == 0)
        #expect(try await stage.one.ask(stage.coupon, 5) == .soldOut)
        try await stage.expectBalance()
    }

    @Test func `another daemon finishes a decision whose daemon died after the commit`()
        async throws
    {
        let stage = try await Stage()
        try stage.world.sql(
            """
            UPDATE coupond.dead_letter SET state = 3, synced = false WHERE user_id = 2;
            INSERT INTO coupond.coupon_issue
                SELECT coupon_id, user_id, sequence, now(), now(), request_id
                FROM coupond.dead_letter WHERE user_id = 3;
            UPDATE coupond.coupon SET issued = issued + 1;
            UPDATE coupond.dead_letter SET state = 2, synced = false WHERE user_id = 3
            """)
        try await eventually("user 4 gets the slot of user 2") {
            if case .issued = try await stage.one.ask(stage.coupon, 4, waitFor: .issued) {
                return true
            }
            return false
        }
        try await eventually("user 3 gets ISSUED") {
            if case .issued(sequence: 3, _) = try await stage.ask(3) { true } else { false }
        }
        try await stage.expectBalance()
    }

    @Test func `couponctl lists, redrives and discards`() async throws {
        let stage = try await Stage()
        func run(_ words: String...) async throws -> CommandRun {
            try await CommandRun(
                builtExecutable("couponctl"),
                ["dead-letter"] + words + ["--json", "--address", "127.0.0.1:\(stage.one.port)"])
        }
        let list = try await run("list", "--coupon", "3")
        #expect(list.end == .code(0) && list.text.contains("\"HELD\""), "\(list.text)")
        let redriven = try await run("redrive", "\(stage.letters[0].id)")
        #expect(redriven.end == .code(0) && redriven["state"] == "REDRIVEN")
        #expect(try await run("discard", "\(stage.letters[0].id)").end == .code(1))
        #expect(try await run("discard", "\(stage.letters[1].id)")["state"] == "DISCARDED")
        #expect(try await run("redrive", "999").end == .code(1))
        try await stage.expectBalance()
    }
}
