import CouponCore
import TestSupport
import Testing

@testable import CouponPostgres

/// Dead letters: redriven or discarded once, with any number of admins, and resynced until the gate has it.
@Suite struct PostgresDeadLetterTests {
    private let coupon = CouponID(4)

    /// Users 1 to 3 are accepted; user 2 cannot be inserted while the trigger is there.
    private func stage(total: Int64 = 3) async throws -> (TestDatabase, DeadLetter) {
        let database = try await TestDatabase()
        try database.coupon(total: total)
        try database.trigger(
            "IF NEW.user_id = 2 THEN RAISE EXCEPTION 'no' USING ERRCODE = '22003'; END IF;")
        _ = try database.ledger().issue(batch(entry(1, first: 5, users: [1, 2, 3])))
        let letters = try database.store().deadLetters(after: 0, of: coupon, limit: 10)
        #expect(letters.count == 1)
        return (database, try #require(letters.first))
    }

    private func mend(_ database: TestDatabase) throws {
        try database.sql("DROP TRIGGER guard ON coupond.coupon_issue")
    }

    private func issued(_ database: TestDatabase) throws -> String {
        try database.sql("SELECT user_id, sequence FROM coupond.coupon_issue WHERE user_id = 2")
    }

    @Test func `a letter names its request`() async throws {
        let (database, letter) = try await stage()
        #expect(
            letter.accepted
                == AcceptedRequest(coupon: coupon, user: UserID(2), sequence: 6, requestID: id(2)))
        #expect(letter.state == .held && letter.position == Position(epoch: 1, n: 1))
        let store = database.store()
        #expect(try store.deadLetters(after: letter.id, of: nil, limit: 10) == [])
        #expect(try store.deadLetters(after: 0, of: CouponID(8), limit: 10) == [])
    }

    @Test func `letters are found without a walk over those of other coupons`() async throws {
        let database = try await TestDatabase()
        for id in [4, 8] { try database.coupon(Int64(id)) }
        // The first ones are coupon 4's, and none of the later ones is.
        try database.sql(
            """
            INSERT INTO coupond.dead_letter
                (partition, epoch, n, coupon_id, user_id, sequence, request_id, error)
            SELECT 0, 1, i, CASE WHEN i <= 10000 THEN 4 ELSE 8 END, i, i, '', 'no'
            FROM generate_series(1, 30000) AS i;
            ANALYZE coupond.dead_letter
            """)
        let count = try await database.reads(of: "dead_letter") { store in
            #expect(try store.deadLetters(after: 10_000, of: coupon, limit: 100) == [])
            let page = try store.deadLetters(after: 9_900, of: coupon, limit: 100)
            #expect(page.count == 100)
            let bounds = AccountsBounds(rows: -1, rejections: 10)
            let accounts = try store.accounts(of: [coupon, CouponID(8)], bounds)
            #expect(accounts.map(\.unreadable) == [0, 0])
        }
        #expect(count < 1_000)
    }

    @Test func `a redrive issues with the old sequence`() async throws {
        let (database, letter) = try await stage()
        let store = database.store()
        guard case .refused(let text) = try store.decide(letter.id, .redriven) else {
            Testing.Issue.record("it was inserted")
            return
        }
        #expect(text.contains("still refuses"))
        try mend(database)
        guard case .decided(let redriven) = try store.decide(letter.id, .redriven) else {
            Testing.Issue.record("it was refused")
            return
        }
        #expect(redriven.state == .redriven)
        #expect(try issued(database) == "2|6")
        let now = try #require(try store.coupon(coupon))
        #expect(now.issued == 3 && now.version == 2, "the last one: sold out")
        // The same decision again is accepted, and the opposite one is refused.
        #expect(try store.decide(letter.id, .redriven) == .decided(redriven))
        guard case .refused = try store.decide(letter.id, .discarded) else {
            Testing.Issue.record("decided twice")
            return
        }
        #expect(try store.decide(letter.id + 1, .redriven) == .missing)
        #expect(try store.coupon(coupon)?.issued == 3)
    }

    @Test func `of two decisions at once one counts`() async throws {
        let (database, letter) = try await stage()
        try mend(database)
        let decisions = await withTaskGroup(of: LetterDecision?.self) { tasks in
            for state in [DeadLetter.State.redriven, .discarded, .redriven, .discarded] {
                tasks.addTask {
                    await onItsOwnThread { try? database.store().decide(letter.id, state) }
                }
            }
            return await tasks.reduce(into: []) { $0.append($1) }
        }
        let states = decisions.compactMap { decision -> DeadLetter.State? in
            if case .decided(let letter) = decision { letter.state } else { nil }
        }
        #expect(states.count == 2 && Set(states).count == 1, "\(decisions)")
        #expect(try issued(database) == (states.first == .redriven ? "2|6" : ""))
    }

    @Test func `a letter that is deleted during the wait for its coupon is missing`()
        async throws
    {
        let (database, letter) = try await stage()
        let other = Session(database.ownersOptions.withLongTimeouts, role: .store, logger: quiet)
        _ = try other.run("BEGIN", "SELECT FROM coupond.coupon FOR UPDATE")
        async let decision = onItsOwnThread {
            let store = PostgresCouponStore(
                database.options.withLongTimeouts, partitioning: database.installation.partitioning,
                logger: quiet)
            return try? store.decide(letter.id, .discarded)
        }
        try await database.waitUntilBlocked()
        _ = try other.run("DELETE FROM coupond.dead_letter", "COMMIT")
        #expect(await decision == .missing)
    }

    @Test func `a user who has the coupon is not issued again`() async throws {
        let (database, letter) = try await stage(total: 5)
        try mend(database)
        try database.sql(
            "INSERT INTO coupond.coupon_issue VALUES (4, 2, 77, now(), now(), 'elsewhere')")
        guard case .refused(let text) = try database.store().decide(letter.id, .redriven) else {
            Testing.Issue.record("it was issued twice")
            return
        }
        #expect(text.contains("another request"))
        #expect(try database.store().coupon(coupon)?.issued == 2)
    }

    @Test func `a letter is not issued if the total is used up`() async throws {
        let (database, letter) = try await stage()
        try mend(database)
        try database.sql("UPDATE coupond.coupon SET total = 2")
        guard case .refused(let text) = try database.store().decide(letter.id, .redriven) else {
            Testing.Issue.record("over the total")
            return
        }
        #expect(text.contains("total"))
        #expect(try issued(database) == "")
    }

    @Test func `a decision is resynced until the gate has it`() async throws {
        let (database, letter) = try await stage()
        let store = database.store()
        _ = try store.decide(letter.id, .discarded)
        #expect(try store.unsyncedLetters(limit: 10, except: []).map(\.id) == [letter.id])
        let all = AccountsBounds(rows: 10, rejections: 10)
        #expect(try store.accounts(of: [coupon], all).first?.unsynced == 1)
        #expect(try !store.resyncLetter(letter.id) { _, _, _ in false })
        #expect(try store.unsyncedLetters(limit: 10, except: []).map(\.id) == [letter.id])
        #expect(
            try store.resyncLetter(letter.id) { letter, coupon, row in
                letter.state == .discarded && coupon.issued == 2 && row.epoch == 1
            })
        #expect(try store.unsyncedLetters(limit: 10, except: []) == [])
        let accounts = try store.accounts(of: [coupon], all).first
        #expect(accounts?.unsynced == 0 && accounts?.discarded == 1 && accounts?.lost == 4)
        // The sequences before the first one here.
        #expect(try store.missingSequences(of: coupon, limit: 10) == [1...4])
    }

    @Test func `a load brings no discarded letters to the gate`() async throws {
        let (database, letter) = try await stage()
        #expect(try database.store().marks(of: [coupon]).first?.used == 3)
        let store = database.store()
        _ = try store.decide(letter.id, .discarded)
        #expect(try store.resyncLetter(letter.id) { _, _, _ in true })
        let loaded = try #require(try store.loaded(coupon))
        #expect(loaded.marks.used == 2)
        let holder = loaded.holders.first { $0.user == UserID(2) }?.holder
        #expect(holder?.rejection == .discarded && holder?.hasSlot == false)
        #expect(
            try database.store().standing(of: UserID(2), for: coupon)
                == .rejected(sequence: 6, requestID: id(2), reason: .discarded))
    }

    @Test func `a letter without a user can only be discarded`() async throws {
        let (database, _) = try await stage()
        try database.sql(
            "INSERT INTO coupond.dead_letter (partition, epoch, n, error) VALUES (0, 1, 9, 'torn')")
        let store = database.store()
        let letter = try #require(try store.deadLetters(after: 0, of: nil, limit: 9).last)
        #expect(letter.accepted == nil)
        guard case .refused = try store.decide(letter.id, .redriven) else {
            Testing.Issue.record("nobody was issued")
            return
        }
        guard case .decided = try store.decide(letter.id, .discarded) else {
            Testing.Issue.record("it cannot be given up")
            return
        }
        #expect(try store.unsyncedLetters(limit: 10, except: []) == [])
    }
}
