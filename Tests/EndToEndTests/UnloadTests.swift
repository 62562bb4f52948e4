import CouponClient
import CouponCore
import CouponWire
import Foundation
import NIOCore
import TestSupport
import TestWorld
import Testing

/// A finished coupon leaves the gate when it is due, even while it is loaded or requested (rules 32 and 41).
/// The tests make it due early.
@Suite(.machine(.overloading), .timeLimit(.minutes(3))) struct UnloadTests {
    @Test func `a load that began before the coupon sold out and left does not reopen it`()
        async throws
    {
        let world = try await World()
        let (slow, other) = (try await world.daemon(), try await world.daemon())
        let coupon = try await other.client.create(.offer(5, total: 1)).id
        let request = IssueRequest(coupon: coupon, user: UserID(2), requestID: .random())
        let lock = try await world.lockRefusals()
        async let late = slow.client.issue(
            request, deadline: .seconds(60), retrying: RetryPolicy(tries: 20))
        // The slow daemon will have read that nobody has the coupon.
        try await eventually("the slow daemon loads") { try world.loads == 1 }
        slow.process.signal(SIGSTOP)
        try await lock.release()
        try await eventually("PostgreSQL has answered it") { try world.loads == 0 }
        // The other daemon waits until the slow one's claim has not moved for long enough.
        #expect(try await other.win(coupon, 1) == 1)
        try await eventually("it leaves") { try await world.unload(coupon) }
        slow.process.signal(SIGCONT)
        #expect(try await late == .soldOut)
        #expect(try world.sql("SELECT count(*) FROM coupond.issue_rejection") == "0")
        for daemon in [other, slow] { #expect(try await daemon.stop() == .code(0)) }
    }

    @Test func `a coupon is loaded before it opens, though nobody asks`() async throws {
        let world = try await World()
        let daemon = try await world.daemon()
        for (id, opens) in [(5, 20), (6, 3_000)] as [(Int64, Double)] {
            _ = try await daemon.client.create(
                .offer(id, total: 1, opensIn: opens, closesIn: 4_000))
        }
        func isLoaded(_ id: Int64) async throws -> Bool {
            let keys = try await world.redis.cli("KEYS", "coupond:{\(id)}:*:\(id):record")
            return !keys.isEmpty
        }
        try await eventually("the one that opens soon is loaded") { try await isLoaded(5) }
        #expect(try await !isLoaded(6))
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `a coupon can leave and be raised again and again under load`()
        async throws
    {
        let users: Int64 = 120
        let world = try await World()
        let (one, other) = (try await world.daemon(), try await world.daemon())
        let coupon = try await one.client.create(.offer(5, total: 20)).id
        async let asking: Void = crowd(of: users, for: coupon, [one, other]) {
            (try? world.issued) == users
        }
        for total in stride(from: Int64(40), through: users, by: 20) {
            try await eventually("it is sold out, and leaves") {
                guard try world.issued == total - 20 else { return false }
                return try await world.unload(coupon)
            }
            // The crowd's requests are answered from the rows, and do not load the coupon.
            try await eventually("a user without one gets SOLD_OUT") {
                try await other.ask(coupon, users + 1, attempt: 1) == .soldOut
            }
            let holder = try #require(
                Int64(try world.sql("SELECT max(user_id) FROM coupond.coupon_issue")))
            let name = RequestID(high: UInt64(holder), low: 0, length: 8)
            guard case .accepted = try await other.ask(coupon, holder, name, attempt: 1) else {
                throw Unexpected(what: "a holder was refused")
            }
            try await eventually("it leaves again") { try await world.unload(coupon) }
            #expect(try await Self.raise(coupon, to: total, other.client) == total)
        }
        await asking
        #expect(try world.sql("SELECT count(*) FROM coupond.issue_rejection") == "0")
        #expect(try await one.ask(coupon, users + 1, attempt: 1) == .soldOut)
        try await eventually("the accounts add up", within: .seconds(30)) {
            let audit = try await one.client.audit(coupon, deadline: .seconds(5))
            return audit.judge.isComparable && audit.judge.checks.allSatisfy(\.holds)
        }
        for daemon in [one, other] { #expect(try await daemon.stop() == .code(0)) }
    }

    /// Retries until it succeeds: the total cannot be raised while the coupon's row is locked.
    private static func raise(
        _ coupon: CouponID, to total: Int64, _ client: CouponClient
    ) async throws -> Int64? {
        try await eventually("it is raised") {
            try await client.update(coupon, CouponChange(total: total)).total == total
        }
        return try await client.coupon(coupon).total
    }
}

extension World {
    /// Makes a coupon due to leave the gate.
    /// - Returns: whether it has left.
    fileprivate func unload(_ coupon: CouponID) async throws -> Bool {
        let prefix = "coupond:{\(coupon.rawValue % 16)}:1:"
        try await redis.cli("ZADD", prefix + "coupons", "XX", "0", "\(coupon.rawValue)")
        return try await redis.cli("EXISTS", prefix + "\(coupon.rawValue):record") == "0"
    }
}
