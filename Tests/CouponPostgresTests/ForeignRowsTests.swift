import CouponCore
import TestSupport
import Testing

@testable import CouponPostgres

/// Rows that were changed by SQL: at most that row is lost, and nothing traps.
@Suite struct ForeignRowsTests {
    /// Why PostgreSQL refuses; empty if it does not.
    private func refusal(_ body: () throws -> Void) -> String {
        let error = #expect(throws: BackendError.self) { try body() }
        guard case .postgres(.refused(let text)) = error else { return "" }
        return text
    }

    @Test func `a rejection with an unknown reason stops neither loads nor settling nor waiters`()
        async throws
    {
        let database = try await TestDatabase()
        try database.coupon()
        try database.sql(
            """
            INSERT INTO coupond.issue_rejection VALUES
                (0, 1, 1, 1, 4, 9, 1, now(), 'one'), (0, 1, 2, 2, 4, 10, 99, now(), 'two'),
                (0, 1, 3, 3, 4, 11, -1, now(), 'three')
            """)
        let (ledger, store) = (database.ledger(), database.store())
        let range = (Position(epoch: 1, n: 0), Position(epoch: 1, n: 3))
        let rejections = try ledger.rejections(in: partition, after: range.0, upTo: range.1)
        #expect(rejections.map(\.reason) == [.soldOut, .discarded, .discarded])
        #expect(try store.loaded(CouponID(4))?.holders.count == 3)
        #expect(try ledger.holders(of: [CouponID(4)], limit: 10)?[CouponID(4)]?.count == 3)
        let questions = [(9, 1, "one"), (10, 2, "two")].map { user, sequence, name in
            AcceptedRequest(
                coupon: CouponID(4), user: UserID(Int64(user)), sequence: Int64(sequence),
                requestID: RequestID(Array(name.utf8)) ?? .empty)
        }
        #expect(try store.decisions(questions, in: partition).standings.allSatisfy { $0 != nil })
    }

    @Test func `a title of any length can be read, alone and in a list`() async throws {
        let database = try await TestDatabase()
        try database.coupon()
        try database.coupon(8)
        try database.sql(
            """
            UPDATE coupond.coupon SET title = CASE id WHEN 4 THEN repeat('é', 70000) ELSE '' END
            """)
        let titles = try database.store().coupons(after: CouponID(0), limit: 9).map(\.title)
        #expect(titles == [String(repeating: "é", count: 98) + "…", "?"])
        #expect(titles[0].utf8.count <= Limits.maximumTitleBytes)
    }

    @Test(arguments: ["infinity", "2300-01-01"])
    func `an outbox row with a far time does not stop a repair`(time: String) async throws {
        let database = try await TestDatabase()
        let coupon = try database.coupon()
        try database.sql("INSERT INTO coupond.gate_outbox VALUES (4, '\(time)')")
        let store = database.store()
        #expect(try !store.resync { _, _ in true })
        try store.requestResync(coupon, above: nil)
        #expect(try store.resync { _, _ in true })
        #expect(try database.sql("SELECT count(*) FROM coupond.gate_outbox") == "0")
    }

    @Test func `sequences beyond what the gate counts to are brought to its edge`() async throws {
        let database = try await TestDatabase()
        let coupon = try database.coupon()
        try database.sql(
            """
            INSERT INTO coupond.coupon_issue VALUES
                (4, 1, 9223372036854775807, 'infinity', '-infinity', 'a'),
                (4, 2, 7, now(), now(), 'a request id of more than sixteen bytes')
            """)
        let store = database.store()
        let holders = try #require(try store.loaded(coupon)).holders
        #expect(holders.map(\.holder.sequence) == [Limits.maximumNumber, 7])
        let issues = try store.issues(of: coupon, after: UserID(0), limit: 9)
        #expect(issues.map(\.sequence) == [Limits.maximumNumber, 7])
        #expect(issues[0].issuedAt == .zero && issues[1].requestID == .empty)
        #expect(
            try store.standing(of: UserID(1), for: coupon)
                == .issued(
                    sequence: Limits.maximumNumber, requestID: issues[0].requestID, at: .zero))
        _ = try store.missingSequences(of: coupon, limit: 9)
        _ = try store.accounts(of: [coupon], AccountsBounds(rows: 10, rejections: 10))
    }

    @Test(arguments: [
        // An encoding, bytes in it, and the text that they mean; without an encoding nobody knows the text.
        ("LATIN1", "\\xfcff", "üÿ"), ("SQL_ASCII", "\\xfc", "\u{FFFD}"),
    ])
    func `titles of a database with another encoding are read and written`(
        encoding: String, bytes: String, text: String
    ) async throws {
        let database = try await TestDatabase(encoding: encoding)
        let coupon = try database.coupon()
        let store = database.store()
        try database.sql(
            """
            UPDATE coupond.coupon SET title = 'Sale ' || convert_from('\(bytes)', '\(encoding)')
            """)
        let title = try #require(try store.coupon(coupon)).title
        #expect(title == "Sale " + text)
        #expect(try store.coupons(after: CouponID(0), limit: 9).map(\.title) == [title])
        let change = try store.update(coupon, CouponChange(title: "Été", total: .some(.some(200))))
        {
            _, _ in true
        }
        guard case .updated(let changed) = change else {
            throw BackendError.answer(Failure(.internal, "\(String(describing: change))"))
        }
        #expect(changed.title == "Été" && changed.total == 200)
    }

    @Test func `neither a null nor another type in a column ends the process`() async throws {
        let database = try await TestDatabase()
        let coupon = try database.coupon()
        let store = database.store()
        try database.sql(
            """
            ALTER TABLE coupond.coupon ALTER closes_at DROP NOT NULL, ALTER version DROP NOT NULL,
                ALTER issued TYPE numeric, ALTER last_sequence TYPE text;
            UPDATE coupond.coupon SET closes_at = NULL, version = NULL
            """)
        let read = try #require(try store.coupon(coupon))
        #expect(read.version == 0 && read.issued == 0 && read.lastSequence == 0)
        #expect(read.window.closes.microseconds == 946_684_800_000_000)
        _ = try store.coupons(after: CouponID(0), limit: 9)
        _ = try store.loaded(coupon)
    }

    @Test func `an epoch that no gate can have is named`() async throws {
        let database = try await TestDatabase()
        try database.sql("UPDATE coupond.partition SET epoch = 9223372036854775807 WHERE id = 0")
        let text = refusal {
            _ = try database.ledger().raiseEpoch(
                of: partition, above: 0, node: node)
        }
        #expect(text.contains("partition 0 has the epoch 9223372036854775807"))
    }

    @Test(arguments: [
        ("INSERT ON coupond.coupon_issue", "INSERT on coupond.coupon_issue"),
        ("UPDATE ON coupond.partition", "UPDATE on coupond.partition"),
        ("DELETE ON coupond.gate_outbox", "DELETE on coupond.gate_outbox"),
        ("SELECT ON coupond.rejection", "SELECT on coupond.rejection"),
        ("USAGE ON SCHEMA coupond", "USAGE on schema coupond"),
    ])
    func `a right that is missing is named at the setup`(right: String, named: String) async throws
    {
        let database = try await TestDatabase()
        let name = try database.sql("SELECT 'clerk_' || current_database()")
        let object = right.contains("SCHEMA") ? "" : "TABLE "
        let revoked = right.replacing(" ON coupond", with: " ON \(object)coupond")
        try database.sql(
            """
            CREATE ROLE \(name) LOGIN;
            GRANT USAGE ON SCHEMA coupond TO \(name);
            GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA coupond TO \(name);
            GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA coupond TO \(name)
            """)
        var options = database.options
        options.connection = LeastRights.connection(database.connection, as: name)
        let known = try Installation.setUp(options, partitions: 4, logger: quiet)
        #expect(known == database.installation)
        try database.sql("REVOKE \(revoked) FROM \(name)")
        let text = refusal {
            _ = try Installation.setUp(options, partitions: 4, logger: quiet)
        }
        #expect(text.contains(named))
        try database.sql("DROP OWNED BY \(name); DROP ROLE \(name)")
    }

    @Test func `a session that died while it was idle costs the next call nothing`() async throws {
        let database = try await TestDatabase()
        let coupon = try database.coupon()
        let (store, ledger) = (database.store(), database.ledger())
        #expect(try store.coupon(coupon) != nil)
        try ledger.ping()
        try database.terminateSessions()
        #expect(try store.coupon(coupon) != nil)
        // The ledger's locks are gone with its session, so it must say so.
        expectSessionLost { try ledger.ping() }
        // Within a transaction the session is not replaced.
        let session = Session(database.options, role: .store, logger: quiet)
        _ = try session.run("BEGIN")
        try database.terminateSessions()
        #expect(throws: BackendError.self) { _ = try session.run("SELECT") }
    }
}
