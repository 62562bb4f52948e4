import CouponClient
import CouponCore
import CouponWire
import NIOCore
import TestSupport
import TestWorld
import Testing

/// Admins change a coupon while users request it: every accepted request is issued (rules 32 to 34).
@Suite(.machine(.overloading), .timeLimit(.minutes(3))) struct AdminRaceTests {
    private let coupon = CouponID(5)
    private static let users: Int64 = 600

    /// Lowers the total to just above what is issued, pauses, resumes, and raises the total.
    private func change(_ client: CouponClient, _ admin: Int64) async {
        for round in 1...12 {
            let issued = (try? await client.coupon(coupon).issued) ?? 0
            let total = issued + 10 + Int64(round) * admin
            _ = try? await client.update(
                coupon, CouponChange(total: total), deadline: .seconds(5))
            _ = try? await client.pause(coupon, deadline: .seconds(5))
            _ = try? await client.resume(coupon, deadline: .seconds(5))
            _ = try? await client.update(
                coupon, CouponChange(total: total + 60), deadline: .seconds(5))
        }
    }

    @Test func `every accepted request is issued while two admins change the coupon and one dies`()
        async throws
    {
        let world = try await World()
        let one = try await world.daemon()
        let other = try await world.daemon()
        _ = try await one.client.create(.offer(5, total: 100))
        async let asking: Void = crowd(of: Self.users, for: coupon, [one]) {
            (try? world.issued) == Self.users
        }
        async let first: Void = change(one.client, 3)
        async let second: Void = change(other.client, 7)
        // The other admin's daemon dies somewhere between PostgreSQL and the gate.
        try await eventually("some are issued") { try world.issued > 0 }
        try await other.kill()
        _ = await (first, second)
        // Whatever change was cut short, later changes hold, and every user gets a coupon.
        try await eventually("it is raised") {
            _ = try await one.client.resume(coupon)
            return try await one.client.update(coupon, CouponChange(total: Self.users)).total
                == Self.users
        }
        await asking
        try await eventually("the accounts add up", within: .seconds(30)) {
            let audit = try await one.client.audit(coupon, deadline: .seconds(5))
            return audit.judge.isComparable && audit.judge.checks.allSatisfy(\.holds)
        }
        #expect(try world.sql("SELECT count(*) FROM coupond.issue_rejection") == "0")
        try await eventually("every change is confirmed") {
            try world.sql("SELECT count(*) FROM coupond.gate_outbox") == "0"
        }
        #expect(try await one.ask(coupon, Self.users + 1) == .soldOut)
        // Closing still works after every unit is issued.
        #expect(try await one.client.close(coupon).state == .closed)
        #expect(try await one.ask(coupon, Self.users + 2) == .closed)
        #expect(try await one.stop() == .code(0))
    }
}
