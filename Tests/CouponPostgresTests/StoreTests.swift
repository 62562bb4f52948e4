import CouponCore
import CouponPostgres
import TestSupport
import Testing

@Suite struct StoreTests {
    @Test func `a server that cannot be reached got nothing`() throws {
        let store = PostgresCouponStore(
            PostgresOptions(connection: "host=/nowhere dbname=none"),
            partitioning: Partitioning(count: 1), logger: quiet)
        let error = #expect(throws: BackendError.self) { try store.coupon(CouponID(1)) }
        guard case .postgres(.unreachable) = error else {
            Testing.Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func `coupons that open soon are found, the first to open first`() async throws {
        let database = try await TestDatabase()
        try database.sql(
            """
            INSERT INTO coupond.coupon (id, title, total, opens_at, closes_at, state, version)
            SELECT id, 'c', 5, now() + opens::interval, 'infinity', state, 1
            FROM (VALUES (1, '20 s', 1), (2, '10 s', 1), (3, '-1 s', 1), (4, '40 s', 1),
                (5, '15 s', 2), (6, '1 day', 1)) AS c (id, opens, state)
            """)
        try database.sql(
            """
            INSERT INTO coupond.coupon (id, title, total, opens_at, closes_at, state, version)
            VALUES (7, 'c', 5, '-infinity', 'infinity', 1, 1)
            """)
        let store = database.store()
        #expect(
            try store.opening(within: 30_000, limit: 9) == [CouponID(2), CouponID(1)])
        #expect(try store.opening(within: 30_000, limit: 1) == [CouponID(2)])
    }

    @Test func `coupons are stored as they are`() async throws {
        let store = try await TestDatabase().store()
        let unlimited = Coupon(
            id: CouponID(.max), title: "Größe ∞", total: nil,
            window: Window(
                opens: Timestamp(microseconds: 1),
                closes: Timestamp(microseconds: Limits.maximumMicroseconds)),
            state: .paused, version: 3)
        #expect(try store.create(.sample(1)))
        #expect(try store.create(unlimited))
        #expect(try !store.create(.sample(1, total: 7)))
        #expect(try store.coupon(CouponID(1)) == .sample(1))
        #expect(try store.coupon(CouponID(2)) == nil)
        #expect(
            try store.coupons([CouponID(2), CouponID(.max), CouponID(1), CouponID(1)])
                == [.sample(1), unlimited])
        #expect(try store.coupons([]) == [])
        #expect(try store.coupons(after: CouponID(0), limit: 9) == [.sample(1), unlimited])
        #expect(try store.coupons(after: CouponID(0), limit: 1) == [.sample(1)])
        #expect(try store.coupons(after: CouponID(1), limit: 9) == [unlimited])
        #expect(throws: BackendError.self) { try store.create(.sample(3, total: 0)) }
        #expect(try store.coupon(CouponID(3)) == nil)
    }

    @Test(arguments: [
        ("-infinity", "infinity"), ("4713-01-01 BC", "294276-12-31"), ("1969-12-31", "2300-01-01"),
    ])
    func `a window beyond what the gate can store is brought to its edges`(
        _ opens: String, _ closes: String
    ) async throws {
        let database = try await TestDatabase()
        try database.coupon()
        try database.sql("UPDATE coupond.coupon SET opens_at = '\(opens)', closes_at = '\(closes)'")
        let window = Window(
            opens: .zero, closes: Timestamp(microseconds: Limits.maximumMicroseconds))
        let store = database.store()
        #expect(try store.coupon(CouponID(4))?.window == window)
        let bounds = AccountsBounds(rows: 1, rejections: 1)
        #expect(try store.accounts(of: [CouponID(4)], bounds).first?.coupon.window == window)
        #expect(try database.ledger().marks(of: [CouponID(4)]).first?.coupon.window == window)
        // And back: a moment before the beginning of PostgreSQL's calendar becomes its first moment.
        try database.sql("DELETE FROM coupond.coupon")
        let ages = Window(
            opens: Timestamp(microseconds: .min), closes: Timestamp(microseconds: .max))
        #expect(
            try store.create(Coupon(id: CouponID(4), title: "t", total: nil, window: ages)))
        #expect(try store.coupon(CouponID(4))?.window == window)
    }

    @Test func `numbers beyond what the gate counts to are brought to its edge`() async throws {
        let database = try await TestDatabase()
        try database.coupon()
        try database.coupon(8)
        let most = Int64.max
        try database.sql(
            """
            UPDATE coupond.coupon SET total = \(most), issued = \(most), version = \(most),
                last_sequence = CASE id WHEN 4 THEN \(most) ELSE -1 END
            """)
        let coupons = try database.store().coupons(after: CouponID(0), limit: 9)
        #expect(coupons.map(\.total) == [Limits.maximumTotal, Limits.maximumTotal])
        #expect(coupons.map(\.issued) == [Limits.maximumNumber, Limits.maximumNumber])
        #expect(coupons.map(\.version) == [Limits.maximumNumber, Limits.maximumNumber])
        #expect(coupons.map(\.lastSequence) == [Limits.maximumNumber, 0])
        let accounts = try database.store().accounts(
            of: [CouponID(4)], AccountsBounds(rows: .max - 1, rejections: 9))
        #expect(accounts.first?.lost == 0)
    }

    @Test func `issues are listed by user, page by page`() async throws {
        let database = try await TestDatabase()
        try database.coupon()
        try database.coupon(8)
        _ = try database.ledger().issue(
            batch(
                entry(1, first: 1, users: [9, 5, .max, 7]),
                entry(2, coupon: 8, first: 1, users: [6])))
        let store = database.store()
        let page = try store.issues(of: CouponID(4), after: UserID(0), limit: 3)
        #expect(page.map(\.user.rawValue) == [5, 7, 9] && page.map(\.sequence) == [2, 4, 1])
        #expect(page.map(\.requestID) == [id(5), id(7), id(9)])
        let accepted = Timestamp(microseconds: 1_700_000_000_123_456)
        #expect(page.allSatisfy { $0.acceptedAt == accepted && $0.issuedAt > accepted })
        #expect(
            try store.issues(of: CouponID(4), after: UserID(9), limit: 3).map(\.user)
                == [UserID(.max)])
        #expect(try store.issues(of: CouponID(4), after: UserID(.max), limit: 3).isEmpty)
        #expect(try store.issues(of: CouponID(12), after: UserID(0), limit: 3).isEmpty)
    }

    @Test func `a decision belongs to its request`() async throws {
        let database = try await TestDatabase()
        try database.coupon(total: 2)
        _ = try database.ledger().issue(batch(entry(1, first: 1, users: [1, 2, 3])))
        func question(_ user: Int64, _ sequence: Int64, _ request: RequestID) -> AcceptedRequest {
            AcceptedRequest(
                coupon: CouponID(4), user: UserID(user), sequence: sequence, requestID: request)
        }
        let store = database.store()
        let found = try store.decisions(
            [
                question(3, 3, id(3)), question(1, 1, id(1)), question(2, 9, id(99)),
                question(3, 4, id(3)), question(3, 3, id(99)), question(5, 5, id(5)),
            ], in: partition)
        #expect(found.cursor == Position(epoch: 1, n: 1))
        guard case .issued(1, id(1), let at) = found.standings[1] else {
            Testing.Issue.record("\(found.standings)")
            return
        }
        #expect(
            found.standings == [
                .rejected(sequence: 3, requestID: id(3), reason: .soldOut),
                .issued(sequence: 1, requestID: id(1), at: at),
                .issued(sequence: 2, requestID: id(2), at: at), nil, nil, nil,
            ])
        #expect(try store.decisions([], in: partition).cursor == found.cursor)
        #expect(try store.standing(of: UserID(1), for: CouponID(4)) == found.standings[1])
        #expect(try store.standing(of: UserID(3), for: CouponID(4)) == found.standings[0])
        #expect(try store.standing(of: UserID(5), for: CouponID(4)) == nil)
        func asked(_ user: Int64, _ coupon: Int64) -> CouponUser {
            CouponUser(user: UserID(user), coupon: CouponID(coupon))
        }
        #expect(
            try store.standings(of: [
                asked(3, 4), asked(5, 4), asked(1, 8), asked(1, 4), asked(3, 4),
            ])
                == [found.standings[0], nil, nil, found.standings[1], found.standings[0]])
        #expect(try store.standings(of: []) == [])
    }

    @Test func `statuses are read together, and a damaged row costs only its own question`()
        async throws
    {
        let database = try await TestDatabase()
        try database.coupon()
        try database.coupon(8)
        let ledger = database.ledger()
        _ = try ledger.issue(batch(entry(1, first: 1, users: [1, 2])))
        let store = database.store()
        func question(_ user: Int64?, _ coupon: Int64 = 4) -> StatusQuestion {
            StatusQuestion(coupon: CouponID(coupon), user: user.map { UserID($0) })
        }
        let questions = [question(2), question(nil), question(9), question(1, 5), question(1)]
        for _ in 1...2 {
            let rows = try store.statusRows(questions, database.installation.partitioning) {}
            #expect(try rows.coupons[CouponID(4)]?.get().issued == 2)
            #expect(rows.coupons[CouponID(5)] == nil && rows.coupons.count == 1)
            let sequences = try rows.standings.map { standing -> Int64? in
                guard case .issued(let sequence, _, _) = try standing.get() else { return nil }
                return sequence
            }
            #expect(sequences == [2, nil, nil, nil, 1])
            #expect(try rows.partitions[partition] == store.partitions()[partition.rawValue])
        }
        try database.sql("ALTER TABLE coupond.coupon DROP CONSTRAINT coupon_state_check")
        try database.sql("UPDATE coupond.coupon SET state = 9 WHERE id = 8")
        let rows = try store.statusRows(
            [question(1, 8), question(1)], database.installation.partitioning
        ) {}
        #expect(throws: BackendError.self) { try rows.coupons[CouponID(8)]?.get() }
        #expect(try rows.coupons[CouponID(4)]?.get().issued == 2)
        #expect(
            try store.statusRows([], database.installation.partitioning) {}.standings.isEmpty)
    }

    @Test func `a load reads every holder that the gate must have`() async throws {
        let database = try await TestDatabase()
        try database.coupon(total: 12_000)
        try database.trigger(
            "IF NEW.user_id = 13 THEN RAISE EXCEPTION 'no' USING ERRCODE = '23514'; END IF;")
        let ledger = database.ledger()
        _ = try ledger.issue(batch(entry(1, first: 1, users: 1...12_000)))
        _ = try ledger.issue(batch(entry(2, first: 12_001, users: 20_000...20_003), from: 1))
        // A later rejection of the same user, and one of a user who has the coupon.
        _ = try ledger.issue(batch(entry(3, first: 12_005, users: [20_002, 1]), from: 2))
        let loaded = try #require(try ledger.loaded(CouponID(4)))
        #expect(loaded.marks.coupon.issued == 12_000 && loaded.marks.held == 1)
        #expect(loaded.marks.used == 12_001 && loaded.marks.nextSequence == 12_007)
        let holders = Dictionary(grouping: loaded.holders, by: \.user).mapValues {
            $0.map(\.holder)
        }
        #expect(holders.values.allSatisfy { $0.count == 1 })
        #expect(holders.count == 12_004)
        func holder(_ sequence: Int64, _ user: Int64, _ rejection: RejectionReason?) -> [GateHolder]
        {
            [
                GateHolder(
                    sequence: sequence, position: .zero, requestID: id(user), rejection: rejection)
            ]
        }
        #expect(holders[UserID(1)] == holder(1, 1, nil))
        #expect(holders[UserID(13)] == holder(13, 13, .deadLetter))
        #expect(holders[UserID(20_000)] == holder(12_001, 20_000, nil))
        #expect(holders[UserID(20_002)] == holder(12_005, 20_002, .soldOut))
        #expect(try database.store().marks(of: [CouponID(4)]) == [loaded.marks])
        #expect(try database.store().marks(of: [CouponID(8)]) == [])
    }

    @Test func `holders come page by page, refused ones first, each once`() async throws {
        let database = try await TestDatabase()
        try database.coupon(total: 5)
        _ = try database.ledger().issue(
            batch(entry(1, first: 1, users: [50, 10, 40, 20, 30, 7, 9, 60, 8])))
        let store = database.store()
        let coupon = CouponID(4)
        var (place, users, sizes) = (HolderPlace.start, [Int64](), [Int]())
        while place != .end {
            let page = try store.holders(of: coupon, after: place, limit: 3)
            users += page.holders.map(\.user.rawValue)
            sizes.append(page.holders.count)
            place = page.end
        }
        #expect(users == [7, 8, 9, 60, 10, 20, 30, 40, 50])
        #expect(sizes == [3, 1, 3, 2])
        #expect(try store.holders(of: coupon, after: .end, limit: 3).holders.isEmpty)
        let whole = try store.holders(of: coupon, after: .start, limit: 4)
        #expect(whole.end == .refused(UserID(60)), "a full page says that there may be more")
        let rest = try store.holders(of: coupon, after: whole.end, limit: 4)
        #expect(rest == HolderPage(holders: [], end: .issued(UserID(0))))
        let nobody = try store.holders(of: CouponID(8), after: .issued(UserID(0)), limit: 4)
        #expect(nobody == HolderPage(holders: [], end: .end))
    }

    @Test func `holders of many coupons come together, or not at all if they are too many`()
        async throws
    {
        let database = try await TestDatabase()
        try database.coupon(total: 2)
        try database.coupon(8)
        try database.coupon(12)
        _ = try database.ledger().issue(
            batch(
                entry(1, first: 1, users: [1, 2, 3]),
                entry(2, coupon: 8, first: 1, users: [1])))
        let store = database.store()
        let ids = [4, 8, 12, 16].map { CouponID($0) }
        let many = try #require(try store.holders(of: ids, limit: 4))
        #expect(many.mapValues(\.count) == [CouponID(4): 3, CouponID(8): 1])
        let sorted = (many[CouponID(4)] ?? []).sorted { $0.user < $1.user }
        let pages = try #require(try store.loaded(CouponID(4))).holders.sorted { $0.user < $1.user }
        #expect(sorted == pages)
        #expect(sorted.last?.holder.rejection == .soldOut)
        #expect(try store.holders(of: ids, limit: 3) == nil)
        #expect(try store.holders(of: [], limit: 3) == [:])
    }

    @Test func `marks change when the gate has a decision, and when something is issued`()
        async throws
    {
        let database = try await TestDatabase()
        let coupon = try database.coupon()
        try database.trigger(
            "IF NEW.user_id = 2 THEN RAISE EXCEPTION 'no' USING ERRCODE = '23514'; END IF;")
        let store = database.store()
        func marks() throws -> LoadMarks { try #require(try store.marks(of: [coupon]).first) }
        let empty = try marks()
        _ = try database.ledger().issue(batch(entry(1, first: 1, users: [1, 2])))
        let issued = try marks()
        #expect(issued.held == 1 && issued.used == 2 && !issued.haveSameHolders(as: empty))
        let letter = try #require(try store.deadLetters(after: 0, of: nil, limit: 1).first)
        _ = try store.decide(letter.id, .discarded)
        let decided = try marks()
        #expect(decided.held == 0 && decided.discarded == 1 && decided.hasUnsynced)
        #expect(decided.used == 2 && decided.haveSameHolders(as: issued))
        #expect(try store.resyncLetter(letter.id) { _, _, _ in true })
        let discarded = try marks()
        #expect(discarded.used == 1 && !discarded.haveSameHolders(as: issued))
        _ = try store.update(coupon, CouponChange(title: "another")) { _, _ in true }
        let renamed = try marks()
        #expect(renamed != discarded && renamed.haveSameHolders(as: discarded))
    }
}
