/// The trail: a change and its line are one transaction, lines are found by index, and what is known of a
/// user is read in bounded steps.
import CouponCore
import TestSupport
import Testing

@testable import CouponPostgres

@Suite struct TrailTests {
    private let coupon = CouponID(4)

    private func lines(
        _ store: PostgresCouponStore, of subject: TrailSubject = .all, before: Int64 = .max,
        limit: Int = 100
    ) throws -> [TrailLine] {
        try store.trail(of: subject, before: before, limit: limit)
    }

    @Test func `a creation leaves its line; one that is refused leaves none`() async throws {
        let store = try await TestDatabase().store()
        #expect(try store.create(.sample(4)))
        #expect(try !store.create(.sample(4)))
        #expect(throws: BackendError.self) { try store.create(.sample(8, total: 0)) }
        let found = try lines(store)
        #expect(found.map(\.action.coupon) == [coupon])
        let action = try #require(found.first?.action)
        #expect(action.call == anyCall && action.call.request == .max)
        #expect(action.before == nil && action.outcome == AdminAction.done && action.count == 1)
        #expect(action.after?.contains(#""title": "Spring""#) == true, "\(action.after ?? "")")
        #expect(action.after?.contains(#""total": 100"#) == true)
    }

    @Test func `a change leaves its line with before and after, in its transaction`() async throws {
        let database = try await TestDatabase()
        let store = database.store()
        _ = try store.create(.sample(4))
        let title = "\u{1B}[31m \"é\" \\ \u{202E}"
        _ = try store.update(coupon, CouponChange(title: title, total: 200)) { _, _ in true }
        _ = try store.update(coupon, CouponChange(state: .paused)) { _, _ in true }
        let found = try lines(store, of: .coupon(coupon))
        #expect(found.count == 3)
        #expect(found[0].action.before?.contains(#""state": "ACTIVE""#) == true)
        #expect(found[0].action.after?.contains(#""state": "PAUSED""#) == true)
        #expect(found[1].action.before?.contains(#""total": 100"#) == true)
        #expect(
            try database.sql(
                """
                SELECT encode(convert_to(after->>'title', 'UTF8'), 'hex')
                FROM coupond.admin_action WHERE id = \(found[1].id)
                """) == title.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())
        // The line and the change have the same transaction.
        #expect(
            try database.sql(
                """
                SELECT a.xmin = c.xmin FROM coupond.admin_action AS a, coupond.coupon AS c
                ORDER BY a.id DESC LIMIT 1
                """) == "t")
    }

    @Test func `a change that does not happen leaves no line`() async throws {
        let database = try await TestDatabase()
        let store = database.store()
        _ = try store.create(.sample(4))
        #expect(
            try store.update(coupon, CouponChange(total: 50)) { _, _ in false } == .refusedByGate)
        guard
            case .invalid = try store.update(coupon, CouponChange(total: -1), cap: { _, _ in true })
        else {
            Testing.Issue.record("it was changed")
            return
        }
        #expect(try store.update(CouponID(8), CouponChange(title: "x")) { _, _ in true } == nil)
        #expect(try lines(store).count == 1)
        // The line cannot be written, so the change does not happen either.
        try database.sql(
            """
            CREATE FUNCTION public.no() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION 'no'; END $$;
            CREATE TRIGGER no BEFORE INSERT ON coupond.admin_action
                FOR EACH ROW EXECUTE FUNCTION public.no()
            """)
        #expect(throws: BackendError.self) {
            try store.update(coupon, CouponChange(title: "x")) { _, _ in true }
        }
        #expect(throws: BackendError.self) { try store.create(.sample(8)) }
        #expect(try store.coupon(coupon)?.title == "Spring")
        #expect(try store.coupon(CouponID(8)) == nil)
    }

    @Test func `a decision on a dead letter leaves its line, a refused one none`() async throws {
        let database = try await TestDatabase()
        try database.coupon(total: 3)
        try database.trigger(
            "IF NEW.user_id = 2 THEN RAISE EXCEPTION 'no' USING ERRCODE = '22003'; END IF;")
        _ = try database.ledger().issue(batch(entry(1, first: 5, users: [1, 2, 3])))
        let store = database.store()
        let letter = try #require(store.deadLetters(after: 0, of: coupon, limit: 1).first)
        guard case .refused = try store.decide(letter.id, .redriven) else {
            Testing.Issue.record("it was issued")
            return
        }
        #expect(try lines(store).count == 1, "only the creation")
        _ = try store.decide(letter.id, .discarded)
        _ = try store.decide(letter.id, .discarded)
        let found = try lines(store, of: .coupon(coupon))
        #expect(found.count == 3, "the second decision changed nothing, and has its line")
        #expect(found[1].action.before?.contains(#""state": "HELD""#) == true)
        #expect(found[1].action.after?.contains(#""state": "DISCARDED""#) == true)
        let traces = try store.traces(
            of: CouponUser(user: UserID(2), coupon: coupon), in: partition)
        #expect(traces.letters.map(\.letter.state) == [.discarded])
        #expect(traces.letters.first?.decidedAt != nil)
        #expect(traces.trail == found)
    }

    @Test func `names are cut to the bounds of the table, and have no control characters`()
        async throws
    {
        let store = try await TestDatabase().store()
        let long = AdminCall(
            principal: "\u{1B}" + String(repeating: "é", count: 500),
            address: String(repeating: "a", count: 500), method: "reload", request: 0)
        let lost = try store.record([
            AdminAction(call: long, outcome: String(repeating: "x", count: 5_000), count: 3)
        ])
        #expect(lost.isEmpty)
        var late = AdminAction(call: anyCall)
        late.at = Timestamp(microseconds: 1_700_000_000_123_456)
        #expect(try store.record([late]).isEmpty)
        let found = try lines(store)
        #expect(found.first?.at == late.at)
        let action = try #require(found.last?.action)
        #expect(action.call.principal.hasPrefix("\\u{1b}é"))
        #expect(action.call.principal.utf8.count <= 256 && action.call.address.utf8.count == 256)
        #expect(action.outcome.utf8.count == 1_024 && action.count == 3)
        let own = try lines(store, of: .principal(long.principal))
        #expect(own.map(\.action) == [action], "it is found by the name that was cut")
    }

    @Test func `many lines are added together, except those that are refused for their data`()
        async throws
    {
        let database = try await TestDatabase()
        let store = database.store()
        let numbers: ClosedRange<UInt64> = 1...(UInt64(Limits.trailLinesWaiting) + 65)
        let actions = numbers.map { number in
            let call = AdminCall(
                principal: "amy", address: "::1", method: "reload", request: number)
            return AdminAction(call: call, after: [150, 900].contains(number) ? "no JSON" : nil)
        }
        try database.sql(
            """
            CREATE FUNCTION public.no() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN IF NEW.request = 1000 THEN RAISE EXCEPTION 'no'; END IF; RETURN NEW; END $$;
            CREATE TRIGGER no BEFORE INSERT ON coupond.admin_action
                FOR EACH ROW EXECUTE FUNCTION public.no()
            """)
        let others = actions.filter { $0.after == nil }
        for actions in [actions, others] {
            #expect(throws: BackendError.self) { try store.record(actions) }
            #expect(try lines(store).isEmpty)
        }
        try database.sql("DROP TRIGGER no ON coupond.admin_action")
        #expect(try store.record(actions).map(\.call.request) == [150, 900])
        let count = try database.sql("SELECT count(*) FROM coupond.admin_action")
        #expect(count == "\(others.count)")
        #expect(try lines(store).map(\.action.call.request) == numbers.suffix(100).reversed())
    }

    @Test func `a coupon whose title was made too long by SQL can be changed`() async throws {
        let database = try await TestDatabase()
        let store = database.store()
        _ = try store.create(.sample(4))
        try database.sql("UPDATE coupond.coupon SET title = repeat(chr(1) || 'é', 5000)")
        let result = try store.update(coupon, CouponChange(state: .paused)) { _, _ in true }
        #expect(result != nil)
        let after = try #require(try lines(store).first?.action.after)
        #expect(after.contains("é\\u0001…\"") && after.utf8.count < 2_000, "\(after)")
    }

    @Test func `a change waits only briefly for a trail that is locked`() async throws {
        let database = try await TestDatabase()
        // Without a timeout of its own, the change waits for ten minutes.
        let store = PostgresCouponStore(
            database.options.withLongTimeouts, partitioning: database.installation.partitioning,
            logger: quiet)
        _ = try store.create(.sample(4))
        let other = Session(database.ownersOptions.withLongTimeouts, role: .store, logger: quiet)
        _ = try other.run("BEGIN", "LOCK coupond.admin_action IN SHARE MODE")
        let error = #expect(throws: BackendError.self) {
            try store.update(coupon, CouponChange(title: "x")) { _, _ in true }
        }
        guard case .postgres(.busy) = error else {
            Testing.Issue.record("\(String(describing: error))")
            return
        }
        _ = try other.run("ROLLBACK")
        _ = try store.update(coupon, CouponChange(title: "x")) { _, _ in true }
        #expect(try lines(store).count == 2)
    }

    @Test func `lines are read newest first, page by page, and no others are read`()
        async throws
    {
        let database = try await TestDatabase()
        try database.sql(
            """
            INSERT INTO coupond.admin_action
                (principal, address, method, coupon_id, request, outcome)
            SELECT CASE WHEN i <= 100 THEN 'amy' ELSE 'bob' END, '', 'reload',
                CASE WHEN i <= 100 THEN 4 WHEN i % 2 = 0 THEN 8 END, i, 'OK'
            FROM generate_series(1, 30000) AS i;
            ANALYZE coupond.admin_action
            """)
        let count = try await database.reads(of: "admin_action") { store in
            for subject in [TrailSubject.coupon(coupon), .principal("amy")] {
                let first = try lines(store, of: subject, limit: 30)
                #expect(first.map(\.action.call.request) == (71...100).reversed())
                let next = try lines(store, of: subject, before: first[29].id, limit: 100)
                #expect(next.map(\.action.call.request) == (1...70).reversed())
                #expect(try lines(store, of: subject, before: next[69].id).isEmpty)
            }
            #expect(try lines(store, of: .principal("am")).isEmpty)
            #expect(try lines(store, of: .coupon(CouponID(5))).isEmpty)
            #expect(try lines(store, limit: 2).map(\.action.call.request) == [30_000, 29_999])
            _ = try store.traces(of: CouponUser(user: UserID(1), coupon: coupon), in: partition)
        }
        #expect(count < 1_000)
    }

    @Test func `traces have the user's issue and rejections and nobody else's`() async throws {
        let database = try await TestDatabase()
        try database.coupon(total: 2)
        let ledger = database.ledger()
        _ = try ledger.issue(batch(entry(1, first: 1, users: [1, 2, 3])))
        let store = database.store()
        func traces(_ user: Int64) throws -> UserTraces {
            try store.traces(of: CouponUser(user: UserID(user), coupon: coupon), in: partition)
        }
        let winner = try traces(1)
        #expect(winner.issue?.sequence == 1 && winner.issue?.requestID == id(1))
        #expect(winner.rejections.isEmpty && winner.coupon?.issued == 2)
        #expect(winner.partition.cursor == Position(epoch: 1, n: 1) && !winner.hasUnreadable)
        let loser = try traces(3)
        #expect(loser.issue == nil)
        #expect(loser.rejections.map(\.reason) == [.soldOut])
        #expect(loser.rejections.first?.position == Position(epoch: 1, n: 1))
        let stranger = try traces(9)
        #expect(stranger.issue == nil && stranger.rejections.isEmpty && stranger.letters.isEmpty)
    }

    /// What docs/OPERATIONS.md asks for: the role of a daemon may add lines and read them.
    @Test func `a role that may only insert and select can neither change nor remove a line`()
        async throws
    {
        let database = try await TestDatabase()
        let role = "clerk" + String(Int.random(in: 0..<1_000_000))
        try database.sql(
            """
            CREATE ROLE \(role) LOGIN; GRANT USAGE ON SCHEMA coupond TO \(role);
            GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA coupond TO \(role);
            GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA coupond TO \(role);
            REVOKE UPDATE, DELETE ON coupond.admin_action FROM \(role)
            """)
        let options = PostgresOptions(connection: database.connection + " user=\(role)")
        _ = try Installation.setUp(options, partitions: 4, logger: quiet)
        let store = PostgresCouponStore(
            options, partitioning: database.installation.partitioning, logger: quiet)
        #expect(try store.create(.sample(4)))
        #expect(try store.record([AdminAction(call: anyCall)]).isEmpty)
        #expect(try lines(store).count == 2)
        for statement in [
            "UPDATE coupond.admin_action SET count = 2", "DELETE FROM coupond.admin_action",
        ] {
            let error = #expect(throws: (any Error).self) {
                try database.server.query(statement, on: options.connection)
            }
            #expect("\(String(describing: error))".contains("permission denied"))
        }
    }
}
