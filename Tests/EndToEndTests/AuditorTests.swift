import CouponClient
import CouponCore
import CouponWire
import Foundation
import NIOCore
import TestSupport
import TestWorld
import Testing

/// The auditor finds accounts that do not add up, repairs what it can derive, and reports the rest.
@Suite(.machine(.asking), .timeLimit(.minutes(2))) struct AuditorTests {
    /// A daemon that serves metrics, and a coupon of 10 with three issued.
    private struct Stage {
        let world: World
        let daemon: Daemon
        let port: Int
        let coupon = CouponID(3)

        init() async throws {
            world = try await World()
            port = Int(try freePort())
            daemon = try await world.daemon(["--metrics-listen", "127.0.0.1:\(port)"])
            _ = try await daemon.client.create(.offer(3, total: 10))
            for user in 1...3 { try await daemon.win(coupon, Int64(user)) }
            try await eventually("the auditor has checked the coupon") {
                try metric("coupond_audited_coupons_total") != "0"
            }
            #expect(try metric("coupond_drift") == "0.0")
        }

        func metric(_ name: String) throws -> String? {
            let lines = try httpGet("/metrics", port: port).split(separator: "\n")
            return lines.first { $0.hasPrefix(name + " ") }?.split(separator: " ").last.map(
                String.init)
        }

        /// A number in the coupon's record, by its offset in prelude.lua.
        enum Field: Int {
            case used = 1
            case total = 41
            case cap = 67
        }

        /// Writes a number into the coupon's record without the daemon.
        func overwrite(_ field: Field, with value: Int) async throws {
            try await write("coupond:{3}:1:3:record", at: field.rawValue, ">i8", value)
        }

        /// Runs the repair that docs/OPERATIONS.md gives for a wrong count of used slots.
        func repair() async throws -> CommandRun {
            let repository = URL(filePath: #filePath).deletingLastPathComponent()
                .deletingLastPathComponent().deletingLastPathComponent()
            let page = try String(
                contentsOf: repository.appending(path: "docs/OPERATIONS.md"), encoding: .utf8)
            let rule = try #require(
                page.split(separator: "\n").first { $0.hasPrefix("| the gate's used slots") })
            let command = try #require(rule.firstMatch(of: /`couponctl ([a-z ]+) P`/))
            return try await CommandRun(
                builtExecutable("couponctl"),
                command.1.split(separator: " ").map(String.init)
                    + ["3", "--address", "127.0.0.1:\(daemon.port)"])
        }

        private func write(
            _ key: String, at offset: Int, _ format: String, _ value: Int
        ) async throws {
            let script = "redis.call('SETRANGE', KEYS[1], ARGV[1], struct.pack(ARGV[2], ARGV[3]))"
            _ = try await world.redis.cli(
                ["EVAL", script, "1", key, "\(offset)", format, "\(value)"])
        }

        func expectLog(_ text: String) async throws {
            try await daemon.process.logs(text)
        }

        func expectDrift(_ count: String) async throws {
            try await eventually("\(count) coupons drift") {
                try metric("coupond_drift") == count
            }
        }
    }

    @Test func `a holder without a row is drift until the row is back`() async throws {
        let stage = try await Stage()
        // A holder without a row: it was accepted and settled.
        try stage.world.sql(
            "DELETE FROM coupond.coupon_issue WHERE user_id = 2; UPDATE coupond.coupon SET issued = 2"
        )
        try await stage.expectDrift("1.0")
        try await stage.expectLog(AccountsJudge.Rule.slots)
        try await stage.expectLog("\"sequences\":\"2\"")
        try stage.world.sql(
            """
            INSERT INTO coupond.coupon_issue VALUES (3, 2, 2, now(), now(), 'again');
            UPDATE coupond.coupon SET issued = 3
            """)
        try await stage.expectDrift("0.0")
        try await stage.expectLog("the accounts of a coupon add up again")
        #expect(try await stage.daemon.stop() == .code(0))
    }

    @Test func `a rebuild removes a slot that nobody holds`() async throws {
        let stage = try await Stage()
        try await stage.overwrite(.used, with: 4)
        try await stage.expectDrift("1.0")
        #expect(try await stage.repair().end == .code(0))
        try await stage.expectDrift("0.0")
        for user in 4...10 { try await stage.daemon.winSoon(stage.coupon, Int64(user)) }
        #expect(try await stage.daemon.stop() == .code(0))
    }

    @Test func `counting the rows finds a deleted one`() async throws {
        let stage = try await Stage()
        try stage.world.sql("DELETE FROM coupond.coupon_issue WHERE user_id = 2")
        try await stage.expectDrift("1.0")
        try await stage.expectLog(AccountsJudge.Rule.rows)
        #expect(try await stage.daemon.stop() == .code(0))
    }

    @Test func `a gate behind the tables is updated`() async throws {
        let stage = try await Stage()
        // A raised total that neither reached the gate nor left an outbox row, and the cap of an unfinished
        // change.
        try stage.world.sql("UPDATE coupond.coupon SET total = 12, version = version + 1")
        try await stage.overwrite(.cap, with: 4)
        try await eventually("the gate has the new total") {
            try await stage.daemon.client.audit(stage.coupon).gate?.terms.total == 12
        }
        for user in 4...12 { try await stage.daemon.winSoon(stage.coupon, Int64(user)) }
        try await stage.expectDrift("0.0")
        #expect(try stage.metric("coupond_drift_repairs_total") != "0")
        let audit = try await stage.daemon.client.audit(stage.coupon)
        #expect(audit.judge.checks.filter { !$0.holds } == [])
        #expect(try await stage.daemon.stop() == .code(0))
    }

    @Test func `a change of an unlimited coupon while Redis stands still leaves no drift`()
        async throws
    {
        let stage = try await Stage()
        let coupon = CouponID(19)
        let daemon = stage.daemon
        _ = try await daemon.client.create(.offer(19, total: nil))
        try await daemon.win(coupon, 1)
        stage.world.redis.freeze()
        defer { stage.world.redis.thaw() }
        await #expect(throws: ClientError.self) {
            try await daemon.client.update(coupon, CouponChange(title: "Later"))
        }
        stage.world.redis.thaw()
        try await eventually("the gate has the change, and the cap that sending it again leaves") {
            let audit = try await daemon.client.audit(coupon)
            return audit.gate?.version == 2 && audit.gate?.cap == Limits.maximumTotal
                && audit.judge.checks.allSatisfy(\.holds)
        }
        let audited = try stage.metric("coupond_audited_coupons_total").flatMap { Int($0) } ?? 0
        try await eventually("the auditor has checked both coupons") {
            try stage.metric("coupond_audited_coupons_total").flatMap { Int($0) } ?? 0 > audited + 4
        }
        #expect(try stage.metric("coupond_drift") == "0.0")
        let verify = try await CommandRun(
            builtExecutable("couponctl"),
            ["verify", "--coupon", "19", "--address", "127.0.0.1:\(daemon.port)"])
        #expect(verify.end == .code(0) && !verify.text.contains("BREACH"), "\(verify.text)")
        try await daemon.win(coupon, 2)
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `a record that differs under the same version is repaired`()
        async throws
    {
        let stage = try await Stage()
        try await stage.overwrite(.total, with: 3)
        #expect(try await stage.daemon.ask(stage.coupon, 4) == .soldOut)
        try await stage.daemon.winSoon(stage.coupon, 4)
        try await stage.expectDrift("0.0")
        #expect(try await stage.daemon.stop() == .code(0))
    }

    @Test func `an audit skips the count of rows if it takes too long`() async throws {
        let stage = try await Stage()
        // Three seconds for each row that is counted.
        try stage.world.sql(
            """
            ALTER TABLE coupond.coupon_issue RENAME TO slow_issue;
            CREATE VIEW coupond.coupon_issue AS
                SELECT * FROM coupond.slow_issue WHERE pg_sleep(3) IS NOT NULL;
            GRANT SELECT ON coupond.coupon_issue TO \(LeastRights.role)
            """)
        let client = stage.daemon.client
        let audit = try await client.audit(stage.coupon)
        #expect(audit.accounts.rows == nil && audit.accounts.coupon.issued == 3)
        #expect(audit.judge.checks.filter { !$0.holds } == [])
        try stage.world.sql(
            """
            DROP VIEW coupond.coupon_issue;
            ALTER TABLE coupond.slow_issue RENAME TO coupon_issue
            """)
        #expect(try await client.audit(stage.coupon).accounts.rows?.count == 3)
        #expect(try await stage.daemon.stop() == .code(0))
    }

    @Test func `traffic causes no drift`() async throws {
        let stage = try await Stage()
        _ = try await stage.daemon.client.create(.offer(19, total: nil))
        let client = stage.daemon.client
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for lane in 0..<8 {
                tasks.addTask {
                    for step in 1...400 {
                        let user = UserID(Int64(lane * 1_000 + step))
                        _ = try await client.issue(
                            IssueRequest(coupon: CouponID(19), user: user), deadline: .seconds(20))
                    }
                }
            }
            tasks.addTask {
                for _ in 1...20 {
                    var finder = VerdictFinder(maximumReadings: 50)
                    while true {
                        let audit = try await client.audit(CouponID(19), deadline: .seconds(20))
                        guard let verdict = finder.verdict(on: audit.accounts, audit.judge)
                        else { continue }
                        #expect(verdict != .breach)
                        break
                    }
                }
            }
            try await tasks.waitForAll()
        }
        let checked = try stage.metric("coupond_audited_coupons_total")
        try await eventually("the auditor has checked more coupons") {
            try stage.metric("coupond_audited_coupons_total") != checked
        }
        #expect(try stage.metric("coupond_drift") == "0.0")
        #expect(try await stage.daemon.stop() == .code(0))
    }
}
