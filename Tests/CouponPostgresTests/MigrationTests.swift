/// A database that an earlier version has made and filled works with this one.
import CouponCore
import TestSupport
import Testing

@testable import CouponPostgres

@Suite struct MigrationTests {
    /// FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv: enough to see that a text has changed.
    private func hash(_ text: String) -> UInt64 {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    @Test func `a migration that has landed is never edited`() {
        let landed: [UInt64] = [
            707_379_371_421_500_343, 15_291_985_158_255_418_167, 9_384_224_906_219_868_578,
            868_652_802_330_493_572, 14_959_685_852_019_941_775,
            14_472_954_295_363_742_593, 1_331_021_877_452_344_268,
            3_214_312_067_478_142_664,
            14_418_078_374_101_929_851,
            14_393_172_919_303_171_543,
            14_045_559_680_851_502_961,
        ]
        #expect(Migration.all.prefix(landed.count).map { hash($0.script) } == landed)
        #expect(Migration.all.map(\.number) == Array(1...Int64(Migration.all.count)))
    }

    /// What a daemon of commit fac4a67, which has two migrations, leaves in the tables; one with three leaves
    /// the same. Coupon 4 was just changed. It has two issues, a rejection, a letter that is held, and a
    /// letter whose discard the gate does not know.
    private static let rows = """
        INSERT INTO coupond.installation (partitions) VALUES (4);
        INSERT INTO coupond.partition (id, epoch, cursor_epoch, cursor_n)
            SELECT id, 2, 2, 5 FROM generate_series(0, 3) AS id;
        INSERT INTO coupond.coupon VALUES
            (4, 'Spring', 100, 2, 5, '1970-01-01', '2200-01-01', 1, 3);
        INSERT INTO coupond.coupon_issue
            SELECT 4, n, n, now(), now(), 'r' FROM generate_series(1, 2) AS n;
        INSERT INTO coupond.issue_rejection
            (partition, epoch, n, sequence, coupon_id, user_id, reason, request_id)
            VALUES (0, 2, 3, 3, 4, 3, 1, 'r');
        INSERT INTO coupond.dead_letter (partition, epoch, n, coupon_id, user_id, sequence,
                request_id, accepted_at, error, state, told)
            VALUES (0, 2, 4, 4, 4, 4, 'r', now(), 'e', 1, true),
                (0, 2, 5, 4, 5, 5, 'r', now(), 'e', 3, false);
        INSERT INTO coupond.untold_change VALUES (4, now() - interval '1 hour');
        """

    @Test(arguments: [2, 3])
    func `a database of an early version keeps all it has`(version: Int) async throws {
        let server = try await PostgresServer.shared()
        let connection = try server.makeDatabase()
        let options = PostgresOptions(connection: connection)
        let old = Migration.all.prefix(version)
        try server.query(
            """
            CREATE SCHEMA coupond;
            CREATE TABLE coupond.schema_version (version integer PRIMARY KEY, name text NOT NULL,
                migrated_at timestamptz NOT NULL DEFAULT now());
            INSERT INTO coupond.schema_version (version, name)
                SELECT n, 'earlier' FROM generate_series(1, \(version)) AS n;
            """ + old.map(\.script).joined() + Self.rows, on: connection)
        let installation = try Installation.setUp(options, partitions: 4, logger: quiet)
        let store = PostgresCouponStore(
            options, partitioning: installation.partitioning, logger: quiet)
        #expect(try store.unsyncedLetters(limit: 9, except: []).map(\.id) == [2])
        var synced: [CouponID] = []
        #expect(
            try store.resync { coupon, _ in
                synced.append(coupon.id)
                return true
            })
        #expect(synced == [CouponID(4)])
        #expect(try !store.resync { _, _ in true }, "the outbox is empty")
        let ledger = PostgresLedger(options, logger: quiet)
        let start = Position(epoch: 2, n: 2)
        let rejections = try ledger.rejections(
            in: partition, after: start, upTo: Position(epoch: 2, n: 5))
        #expect(rejections.map(\.reason) == [.soldOut, .deadLetter, .discarded])
        #expect(try ledger.partition(partition).cursor == Position(epoch: 2, n: 5))
        let coupon = CouponID(4)
        #expect(try store.coupons(after: CouponID(0), limit: 9).map(\.id) == [coupon])
        for change in [CouponChange(state: .closed), CouponChange(isArchived: true)] {
            guard case .updated = try store.update(coupon, change, cap: { _, _ in true }) else {
                Testing.Issue.record("\(change)")
                return
            }
        }
        guard case .invalid = try store.delete(coupon, by: anyCall, remove: { _, _ in true }) else {
            Testing.Issue.record("it was deleted")
            return
        }
        #expect(try server.query("SELECT sum(issued) FROM coupond.coupon", on: connection) == "2")
    }
}
