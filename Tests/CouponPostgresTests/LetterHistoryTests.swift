import CouponCore
import TestSupport
import Testing

@testable import CouponPostgres

/// What loads and `resync` read of dead letters: bounded, whatever their number.
@Suite struct LetterHistoryTests {
    private let coupon = CouponID(4)

    /// The letters of users 1 to `count`; one in a thousand is held, the rest are decided.
    private func fill(_ database: TestDatabase, _ count: Int, as state: Int) throws {
        try database.sql(
            """
            INSERT INTO coupond.dead_letter
                (partition, epoch, n, coupon_id, user_id, sequence, request_id, error, state)
            SELECT 0, 1, i, 4, i, i, '', 'no', CASE WHEN i % 1000 = 0 THEN 1 ELSE \(state) END
            FROM generate_series(1, \(count)) AS i;
            INSERT INTO coupond.coupon_issue
                (coupon_id, user_id, sequence, request_id, accepted_at, issued_at)
            SELECT 4, i, i, '', now(), now() FROM generate_series(1, \(count)) AS i
            WHERE \(state) = 2 AND i % 1000 <> 0
            """)
    }

    @Test func `marks read none of the letters that were decided`() async throws {
        let database = try await TestDatabase()
        try database.coupon()
        try fill(database, 30_000, as: 3)
        let count = try await database.reads(of: "dead_letter") { store in
            let held = try store.marks(of: [coupon]).first?.held
            #expect(held == 30)
        }
        #expect(count < 100)
    }

    @Test func `a page of a load reads no more than twice its size`() async throws {
        let database = try await TestDatabase()
        try database.coupon()
        try fill(database, 30_000, as: 2)
        var (place, users) = (HolderPlace.start, [Int64]())
        let count = try await database.reads(of: "dead_letter") { store in
            let page = try store.holders(of: coupon, after: place, limit: 1_500)
            users += page.holders.map(\.user.rawValue)
            place = page.end
        }
        #expect(users == [1_000] && place == .refused(UserID(1_500)))
        #expect(count <= 3_200)
        let store = database.store()
        while case .refused = place {
            let page = try store.holders(of: coupon, after: place, limit: 1_500)
            users += page.holders.map(\.user.rawValue)
            place = page.end
        }
        #expect(users == (1...30).map { Int64($0 * 1_000) })
    }

    @Test func `a small coupon with many letters is read page by page, and this is found early`()
        async throws
    {
        let database = try await TestDatabase()
        try database.coupon()
        try fill(database, 30_000, as: 3)
        let count = try await database.reads(of: "dead_letter") { store in
            let holders = try store.holders(of: [coupon], limit: 1_000)
            #expect(holders == nil)
        }
        #expect(count <= 1_100)
    }

    @Test func `a user who was rejected often is loaded with the latest rejection`() async throws {
        let database = try await TestDatabase()
        try database.coupon()
        try database.sql(
            """
            INSERT INTO coupond.issue_rejection
                (partition, epoch, n, sequence, coupon_id, user_id, reason, request_id)
            SELECT 0, 1, n, n, 4, 1 + n % 2, 1, '' FROM generate_series(1, 100) AS n
            """)
        let store = database.store()
        var (place, found) = (HolderPlace.start, [LoadedHolder]())
        while case .refused = place {
            let page = try store.holders(of: coupon, after: place, limit: 10)
            found += page.holders
            place = page.end
        }
        #expect(found.map(\.user.rawValue) == [1, 2])
        #expect(found.map(\.holder.sequence) == [100, 99])
        let many = try #require(try store.holders(of: [coupon], limit: 100))
        #expect(many[coupon] == found)
    }

    /// Both gates that accepted this user went back. The letter has the slot.
    @Test(arguments: [DeadLetter.State.held, .redriven], [1, 2, 40])
    func `a letter that the gate must hold goes before a later rejection`(
        state: DeadLetter.State, letters: Int
    ) async throws {
        let database = try await TestDatabase()
        try database.coupon()
        // Later letters of the same user were discarded, and the gate knows that.
        try database.sql(
            """
            INSERT INTO coupond.dead_letter
                (partition, epoch, n, coupon_id, user_id, sequence, request_id, error, state, synced)
            SELECT 0, 1, n, 4, 7, n, '', 'no',
                CASE WHEN n = 1 THEN \(state.rawValue) ELSE 3 END, n > 1
            FROM generate_series(1, \(letters)) AS n;
            INSERT INTO coupond.issue_rejection
                (partition, epoch, n, sequence, coupon_id, user_id, reason, request_id)
            VALUES (0, 2, 1, 99, 4, 7, 1, '')
            """)
        if state == .redriven {
            try database.sql(
                """
                INSERT INTO coupond.coupon_issue
                    (coupon_id, user_id, sequence, request_id, accepted_at, issued_at)
                VALUES (4, 7, 1, '', now(), now())
                """)
        }
        let store = database.store()
        let page = try store.holders(of: coupon, after: .start, limit: 10)
        #expect(page.holders.map(\.holder.sequence) == [1])
        #expect(page.holders.map(\.holder.rejection) == [.deadLetter])
        let many = try #require(try store.holders(of: [coupon], limit: 100))
        #expect(many[coupon] == page.holders)
    }

    /// What a user was accepted for after a letter of theirs was discarded.
    enum Later: CaseIterable { case issue, rejection, letter, discardedLetter }

    /// The gate had the decision, but the transaction that would have said so was lost.
    @Test(arguments: Later.allCases)
    func `a discarded letter has no slot if its user was accepted again`(later: Later)
        async throws
    {
        let database = try await TestDatabase()
        try database.coupon()
        try database.letter(n: 1, state: .discarded, isSynced: false)
        let store = database.store()
        let alone = try #require(try store.loaded(coupon))
        #expect(alone.marks.used == 1 && alone.holders.map(\.holder.hasSlot) == [true])
        #expect(alone.holders.map(\.holder.rejection) == [.discarded])
        switch later {
        case .issue:
            try database.sql(
                """
                INSERT INTO coupond.coupon_issue
                    (coupon_id, user_id, sequence, request_id, accepted_at, issued_at)
                VALUES (4, 7, 2, '', now(), now());
                UPDATE coupond.coupon SET issued = 1, last_sequence = 2 WHERE id = 4
                """)
        case .rejection:
            try database.sql(
                """
                INSERT INTO coupond.issue_rejection
                    (partition, epoch, n, sequence, coupon_id, user_id, reason, request_id)
                VALUES (0, 1, 2, 2, 4, 7, 1, '')
                """)
        case .letter: try database.letter(n: 2, state: .held, isSynced: true)
        case .discardedLetter: try database.letter(n: 2, state: .discarded, isSynced: true)
        }
        let loaded = try #require(try store.loaded(coupon))
        #expect(loaded.marks.used == (later == .issue || later == .letter ? 1 : 0))
        #expect(loaded.holders.map(\.user) == [UserID(7)])
        #expect(loaded.holders.map(\.holder.sequence) == [2])
        let holder = try #require(loaded.holders.first).holder
        #expect(holder.rejection == Self.reason(later))
        #expect(holder.hasSlot == (later == .issue || later == .letter))
        let many = try #require(try store.holders(of: [coupon], limit: 100))
        #expect(many[coupon] == loaded.holders)
    }

    private static func reason(_ later: Later) -> RejectionReason? {
        switch later {
        case .issue: nil
        case .rejection: .soldOut
        case .letter: .deadLetter
        case .discardedLetter: .discarded
        }
    }

    @Test(arguments: [DeadLetter.State.redriven, .discarded])
    func `a decision that the gate lacks is not there for a load`(state: DeadLetter.State)
        async throws
    {
        let database = try await TestDatabase()
        try database.coupon()
        try database.trigger(
            "IF NEW.user_id = 2 THEN RAISE EXCEPTION 'no' USING ERRCODE = '22003'; END IF;")
        _ = try database.ledger().issue(batch(entry(1, first: 1, users: [1, 2, 3])))
        try database.sql("DROP TRIGGER guard ON coupond.coupon_issue")
        let store = database.store()
        let before = try #require(try store.loaded(coupon))
        #expect(before.holders.count == 3)
        let letter = try #require(try store.deadLetters(after: 0, of: nil, limit: 1).first)
        _ = try store.decide(letter.id, state)
        let decided = try #require(try store.loaded(coupon))
        #expect(decided.holders.map(\.user) == before.holders.map(\.user))
        #expect(decided.holders.allSatisfy(\.holder.hasSlot) && decided.marks.used == 3)
        #expect(decided.marks.haveSameHolders(as: before.marks))
        #expect(
            try store.holders(of: [coupon], limit: 9)?[coupon].map { Set($0.map(\.user)) }
                == Set(before.holders.map(\.user)))
        #expect(try store.resyncLetter(letter.id) { _, _, _ in true })
        let synced = try #require(try store.loaded(coupon))
        #expect(synced.marks.used == (state == .redriven ? 3 : 2))
        let holder = synced.holders.first { $0.user == UserID(2) }?.holder
        #expect(holder?.rejection == (state == .redriven ? nil : .discarded))
        #expect(holder?.hasSlot == (state == .redriven))
        #expect(synced.holders.count == 3)
    }

    @Test func `each partition's oldest decisions come in turn`() async throws {
        let database = try await TestDatabase()
        try database.sql(
            """
            INSERT INTO coupond.dead_letter
                (partition, epoch, n, coupon_id, user_id, sequence, request_id, error, state, synced)
            SELECT CASE WHEN i = 30000 THEN 1 ELSE 0 END, 1, i, 4, i, i, '', 'no', 3, false
            FROM generate_series(1, 30000) AS i
            """)
        let count = try await database.reads(of: "dead_letter") { store in
            let letters = try store.unsyncedLetters(limit: 2, except: []).map(\.id)
            #expect(letters == [1, 30_000, 2])
        }
        #expect(count < 100)
        try database.sql("UPDATE coupond.dead_letter SET coupon_id = 8 WHERE n IN (7, 30000)")
        let others = try database.store().unsyncedLetters(limit: 2, except: [CouponID(4)])
        #expect(
            others == [
                UnsyncedLetter(id: 7, partition: PartitionID(0), coupon: CouponID(8)),
                UnsyncedLetter(id: 30_000, partition: PartitionID(1), coupon: CouponID(8)),
            ], "in turn, and without those of coupon 4")
    }
}

extension TestDatabase {
    /// A dead letter of user 7 and coupon 4.
    fileprivate func letter(n: Int, state: DeadLetter.State, isSynced: Bool) throws {
        try sql(
            """
            INSERT INTO coupond.dead_letter
                (partition, epoch, n, coupon_id, user_id, sequence, request_id, error, state, synced)
            VALUES (0, 1, \(n), 4, 7, \(n), '', 'no', \(state.rawValue), \(isSynced))
            """)
    }
}
