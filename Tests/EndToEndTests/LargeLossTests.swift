import CouponClient
import CouponCore
import TestSupport
import TestWorld
import Testing

/// Redis loses a coupon with so many holders that it takes requests before they are loaded (rule 53).
@Suite(.machine(.overloading), .timeLimit(.minutes(2))) struct LargeLossTests {
    private let coupon = CouponID(5)
    private let rows: Int64 = 60_000

    /// Asks until there is an outcome.
    private func outcome(
        _ user: Int64, _ number: UInt64, through daemon: Daemon
    ) async throws -> Outcome {
        let requestID = RequestID(high: number, low: UInt64(user), length: 16)
        var outcome: Outcome?
        try await eventually("user \(user) has an outcome") {
            outcome = try await daemon.ask(coupon, user, requestID, attempt: 1)
            return true
        }
        return try #require(outcome)
    }

    @Test func `nobody gets the coupon twice, and new users get it`() async throws {
        let world = try await World()
        let daemons = [try await world.daemon(), try await world.daemon()]
        _ = try await daemons[0].client.create(.offer(5, total: nil))
        try world.sql(
            """
            INSERT INTO coupond.coupon_issue
            SELECT 5, n, n, now(), now(), '\\x01' FROM generate_series(1, \(rows)) AS n;
            UPDATE coupond.coupon SET issued = \(rows), last_sequence = \(rows) WHERE id = 5
            """)
        var users = rows
        for round in 1...2 as ClosedRange<Int64> {
            try await world.redis.cli("FLUSHALL")
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for lane in 0..<4 as Range<Int64> {
                    let (daemon, first) = (daemons[Int(lane) % 2], users + 1 + lane * 100)
                    tasks.addTask {
                        for number in 0..<100 as Range<Int64> {
                            let new = try await outcome(first + number, 1, through: daemon)
                            guard case .accepted = new else {
                                throw Unexpected(what: "a new user got \(new)")
                            }
                            let holder = 1 + (lane + 4 * number) * 149 % rows
                            let old = try await outcome(holder, UInt64(round), through: daemon)
                            #expect(old == .duplicate(sequence: holder, state: .issued))
                        }
                    }
                }
                try await tasks.waitForAll()
            }
            users += 400
            try await eventually("all are issued and loaded") {
                let claims = try await world.redis.cli("KEYS", "coupond:*:claim")
                return try world.issued == users && claims.isEmpty
            }
            let epoch = try await daemons[0].client.audit(coupon).place.epoch
            #expect(
                try await world.redis.cli("HLEN", "coupond:{5}:\(epoch):5:holders") == "\(users)")
        }
        #expect(try world.sql("SELECT count(*) FROM coupond.issue_rejection") == "0")
        for daemon in daemons { #expect(try await daemon.stop() == .code(0)) }
    }
}
