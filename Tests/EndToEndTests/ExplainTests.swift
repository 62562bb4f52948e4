/// `couponctl explain`: what became of a user's requests, from gate, queue, tables and trail.
import CouponClient
import CouponCore
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(2))) struct ExplainTests {
    private func explain(
        _ daemon: Daemon, _ coupon: CouponID, _ user: Int64
    ) async throws -> (sentences: [Sentence], text: String) {
        let sentences = try await daemon.client.explanation(of: UserID(user), for: coupon)
        return (sentences, sentences.map(\.text).joined(separator: "\n"))
    }

    @Test func `an issue, a rejection and a user who never asked are explained`() async throws {
        let world = try await World()
        let daemon = try await world.daemon()
        let coupon = try await daemon.offer(total: 2)
        let name = RequestID(high: 7, low: 0, length: 8)
        _ = try await daemon.ask(coupon, 1, name, waitFor: .issued)
        let issued = try await explain(daemon, coupon, 1)
        #expect(issued.sentences.first?.text == "user 1 has coupon \(coupon.rawValue)")
        #expect(issued.sentences.first?.sequence == 1 && issued.sentences.first?.requestID == name)
        #expect(issued.text.contains("the gate accepted the request"))
        #expect(
            issued.sentences.contains { $0.source == .trail && $0.text.contains("create_coupon") })
        // The total in the tables is below the one that the gate knows, so what the gate accepts is rejected.
        try world.sql("UPDATE coupond.coupon SET total = 1 WHERE id = \(coupon.rawValue)")
        _ = try await daemon.ask(coupon, 2, waitFor: .issued)
        let rejected = try await explain(daemon, coupon, 2)
        #expect(rejected.sentences.first?.text.contains("the total was used up") == true)
        #expect(rejected.sentences.first?.sequence == 2)
        let never = try await explain(daemon, coupon, 3)
        #expect(never.sentences.first?.text.contains("no accepted request of user 3") == true)
        #expect(never.text.contains("a request now would be refused as SOLD_OUT"))
        #expect(never.text.contains("not looked at"))
        let nowhere = try await explain(daemon, CouponID(999_999), 1)
        #expect(nowhere.sentences.first?.text == "there is no coupon 999999")
        let run = try await CommandRun(
            builtExecutable("couponctl"),
            ["explain", "\(coupon.rawValue)", "1", "--address", "127.0.0.1:\(daemon.port)"])
        #expect(run.end == .code(0), "\(run.text)")
        #expect(run.text.contains("user 1 has coupon"))
        #expect(run.text.contains("(sequence 1, request 0000000000000007)"), "\(run.text)")
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `a queued request is explained, even while the tables stand still`() async throws {
        let world = try await World()
        let daemon = try await world.daemon()
        let coupon = try await daemon.offer(total: 9)
        try await daemon.win(coupon, 1)
        let lock = try await world.lock(coupon)
        _ = try await daemon.ask(coupon, 2)
        _ = try await daemon.ask(coupon, 3)
        let queued = try await explain(daemon, coupon, 3)
        #expect(queued.sentences.first?.text.contains("waits for its issue") == true)
        #expect(queued.sentences.first?.sequence == 3)
        let queue = queued.sentences.filter { $0.source == .queue }
        #expect(
            queue.first?.text.contains("1 requests of the coupon are decided before it") == true)
        try await lock.release()
        try await eventually("it is issued") { try await daemon.holds(coupon, 3) }
        #expect(try await explain(daemon, coupon, 3).text.contains("its row is committed"))
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `a dead letter is explained, with the admin who discarded it`() async throws {
        let world = try await World()
        let daemon = try await world.daemon()
        let coupon = try await daemon.offer(total: 9)
        try await daemon.win(coupon, 1)
        try world.sql(
            """
            CREATE FUNCTION public.guard() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION 'too much' USING ERRCODE = '22003'; END $$;
            CREATE TRIGGER guard BEFORE INSERT ON coupond.coupon_issue
                FOR EACH ROW EXECUTE FUNCTION public.guard()
            """)
        _ = try await daemon.ask(coupon, 2, waitFor: .issued)
        let held = try await explain(daemon, coupon, 2)
        #expect(held.text.contains("PostgreSQL said: ") && held.text.contains("too much"))
        #expect(held.text.contains("keeps its slot until an admin decides"))
        let letter = try #require(try await daemon.client.deadLetters(of: coupon).first)
        _ = try await daemon.client.discard(letter.id)
        let discarded = try await explain(daemon, coupon, 2)
        #expect(
            discarded.sentences.first?.text.contains("an admin discarded its dead letter") == true)
        #expect(
            discarded.sentences.contains {
                $0.source == .trail && $0.text.contains("called discard_dead_letter")
            })
        #expect(try await daemon.stop() == .code(0))
    }
}
