import CouponCore
import CouponPostgres
import TestSupport
import Testing

/// Promise 8: one bad request does not stop the others, and only bad data makes a dead letter.
@Suite struct PoisonTests {
    @Test(arguments: ["23514", "22003"]) func `bad requests become dead letters`(state: String)
        async throws
    {
        let database = try await TestDatabase()
        let coupon = try database.coupon(total: 90)
        try database.trigger(
            """
            IF NEW.user_id IN (1, 37, 38, 100) THEN
                RAISE EXCEPTION 'user % is unlucky', NEW.user_id USING ERRCODE = '\(state)';
            END IF;
            """)
        let ledger = database.ledger()
        let commit = try ledger.issue(
            batch(entry(1, first: 1, users: 1...50), entry(2, first: 51, users: 51...100)))
        #expect(commit.issued == 90)
        let dead = commit.rejections.filter { $0.reason == .deadLetter }
        #expect(Set(dead.map(\.accepted.user.rawValue)) == [1, 37, 38])
        // The three left their coupons to the next three in line; the last seven came too late.
        #expect(
            commit.rejections.filter { $0.reason == .soldOut }.map(\.accepted.user.rawValue)
                == Array(94...100))
        #expect(
            try database.sql(
                "SELECT user_id, sequence, n, error FROM coupond.dead_letter ORDER BY user_id")
                == [1, 37, 38].map { "\($0)|\($0)|1|user \($0) is unlucky (SQLSTATE \(state))" }
                .joined(separator: "\n"))
        #expect(try ledger.coupons([coupon]).first?.issued == 90)
        #expect(try ledger.marks(of: [coupon]).first?.used == 93)
    }

    @Test func `refused requests of two coupons with one position and sequence are both kept`()
        async throws
    {
        let database = try await TestDatabase()
        try database.coupon()
        try database.sql(
            "INSERT INTO coupond.coupon SELECT 8, 'c', 5, 0, 0, now(), now() + '1h', 1, 1")
        try database.trigger("RAISE EXCEPTION 'unlucky' USING ERRCODE = '23514';")
        let several = QueueItem.entry(
            QueueEntry(
                position: Position(epoch: 1, n: 1), acceptedAt: .zero,
                // Coupon 12 does not exist, nor does 16.
                coupons: [4, 8, 12, 16].map {
                    QueuedCoupon(
                        coupon: CouponID($0), firstSequence: 1,
                        requests: [EntryRequest(user: UserID(7), requestID: id(7))])
                }))
        let ledger = database.ledger()
        let commit = try ledger.issue(batch(several))
        #expect(commit.rejections.count == 4)
        let kept = try ledger.rejections(
            in: partition, after: .zero, upTo: Position(epoch: 1, n: 1))
        #expect(
            kept.map(\.accepted.coupon.rawValue).sorted() == [4, 8, 12, 16],
            "what a recovery reads")
        #expect(
            try database.sql("SELECT coupon_id FROM coupond.dead_letter ORDER BY 1") == "4\n8")
    }

    /// Few requests travel with the COMMIT, many by COPY.
    @Test(arguments: [3, 500] as [Int64])
    func `a request whose row does not appear becomes a dead letter`(count: Int64) async throws {
        let database = try await TestDatabase()
        try database.coupon()
        try database.trigger("IF NEW.user_id = 2 THEN RETURN NULL; END IF;")
        try database.sql("UPDATE coupond.coupon SET total = NULL")
        let commit = try database.ledger().issue(batch(entry(1, first: 1, users: 1...count)))
        #expect(commit.issued == Int(count) - 1)
        #expect(commit.rejections.map(\.accepted.user.rawValue) == [2])
    }

    /// The session stays: other partitions may use it.
    @Test(arguments: ["53100", "53200", "58030"])
    func `a fault of the server makes no dead letter`(state: String) async throws {
        let database = try await TestDatabase()
        try database.coupon()
        try database.trigger("RAISE EXCEPTION 'trouble' USING ERRCODE = '\(state)';")
        let ledger = database.ledger()
        #expect(try ledger.claim(partition))
        #expect(throws: BackendError.postgres(.failed("trouble (SQLSTATE \(state))"))) {
            try ledger.issue(batch(entry(1, first: 1, users: 1...3)))
        }
        #expect(ledger.isConnected)
        #expect(try database.sql("SELECT count(*) FROM coupond.dead_letter") == "0")
        #expect(try ledger.partition(partition).cursor == Position(epoch: 1, n: 0))
    }

    @Test func `a batch that takes too long is ended, and makes no dead letter`() async throws {
        let database = try await TestDatabase()
        try database.coupon()
        try database.trigger("PERFORM pg_sleep(0.05);")
        let ledger = database.ledger { $0.statementTimeoutMilliseconds = 400 }
        #expect(try ledger.claim(partition))
        let error = #expect(throws: BackendError.self) {
            try ledger.issue(batch(entry(1, first: 1, users: 1...80)))
        }
        guard case .postgres(.tooSlow) = error else {
            Testing.Issue.record("\(String(describing: error))")
            return
        }
        #expect(ledger.isConnected)
        #expect(try database.sql("SELECT count(*) FROM coupond.dead_letter") == "0")
        #expect(try ledger.partition(partition).cursor == Position(epoch: 1, n: 0))
        #expect(try ledger.issue(batch(entry(1, first: 1, users: [1]))).issued == 1)
    }

    @Test func `a batch may be given more time than a statement usually has`() async throws {
        let database = try await TestDatabase()
        try database.coupon()
        try database.trigger("PERFORM pg_sleep(0.05);")
        let ledger = database.ledger { $0.statementTimeoutMilliseconds = 400 }
        #expect(try ledger.claim(partition))
        let usual = batch(entry(1, first: 1, users: 1...20))
        #expect(throws: BackendError.self) { try ledger.issue(usual) }
        let longer = Batch(
            partition: usual.partition, epoch: usual.epoch, from: usual.from, to: usual.to,
            items: usual.items, statementMilliseconds: 10_000)
        #expect(try ledger.issue(longer).issued == 20)
    }

    /// Each statement ends at its first row, so none of them takes long.
    @Test func `a batch whose rows are all refused is ended when the search for them takes long`()
        async throws
    {
        let database = try await TestDatabase()
        try database.coupon()
        try database.trigger(
            "PERFORM pg_sleep(0.02); RAISE EXCEPTION 'unlucky' USING ERRCODE = '23514';")
        let ledger = database.ledger()
        #expect(try ledger.claim(partition))
        let refused = entry(1, first: 1, users: 1...90)
        let error = #expect(throws: BackendError.self) {
            try ledger.issue(batch(refused, milliseconds: 300))
        }
        guard case .postgres(.tooSlow) = error else {
            Testing.Issue.record("\(String(describing: error))")
            return
        }
        #expect(ledger.isConnected)
        #expect(try database.sql("SELECT count(*) FROM coupond.dead_letter") == "0")
        #expect(try ledger.issue(batch(refused, milliseconds: 20_000)).rejections.count == 90)
    }

    @Test func `an entry with the longest time limit is copied by several statements`()
        async throws
    {
        let database = try await TestDatabase()
        try database.coupon(total: nil)
        try database.sql(
            """
            CREATE SEQUENCE copies;
            GRANT USAGE ON SEQUENCE copies TO PUBLIC;
            CREATE FUNCTION count_copy() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN PERFORM nextval('coupond.copies'); RETURN NULL; END $$;
            CREATE TRIGGER count_copy AFTER INSERT ON coupond.coupon_issue
                FOR EACH STATEMENT EXECUTE FUNCTION count_copy()
            """)
        let ledger = database.ledger()
        let longest = batch(
            entry(1, first: 1, users: 1...1_000), milliseconds: Limits.longestIssuingMilliseconds)
        #expect(try ledger.issue(longest).issued == 1_000)
        #expect(try database.sql("SELECT last_value FROM copies") == "4")
        #expect(try database.sql("SELECT count(*) FROM coupond.coupon_issue") == "1000")
    }

    @Test func `a fault of the schema refuses the batch`() async throws {
        let database = try await TestDatabase()
        try database.coupon()
        try database.sql("ALTER TABLE coupond.coupon_issue RENAME TO elsewhere")
        let ledger = database.ledger()
        let error = #expect(throws: BackendError.self) {
            try ledger.issue(batch(entry(1, first: 1, users: 1...3)))
        }
        guard case .postgres(.refused(let text)) = error else {
            Testing.Issue.record("\(String(describing: error))")
            return
        }
        #expect(text.contains("coupon_issue") && text.contains("42P01"))
        #expect(ledger.isConnected)
        #expect(try ledger.partition(partition).cursor == Position(epoch: 1, n: 0))
    }
}
