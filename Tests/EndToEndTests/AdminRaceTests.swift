import CouponClient
import CouponCore
import CouponWire
import NIOCore
import TestSupport
import TestWorld
import Testing

/// Admins who change a coupon while it is asked for: whoever is ACCEPTED is issued (rules 32 to 34).
@Suite(.machine(.overloading), .timeLimit(.minutes(3))) struct AdminRaceTests {
    private let coupon = CouponID(5)
    private static let users: Int64 = 600

    /// Lowers to near what is taken and raises again, pauses and resumes.
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

    @Test func `two admins, one of whom dies, against accepts in flight`() async throws {
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
        // Whatever was left undone, the next changes hold, and everybody gets a coupon.
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
        try await eventually("every change is told") {
            try world.sql("SELECT count(*) FROM coupond.gate_outbox") == "0"
        }
        #expect(try await one.ask(coupon, Self.users + 1) == .soldOut)
        // Closed is closed, in the middle of a crowd that holds everything.
        #expect(try await one.client.close(coupon).state == .closed)
        #expect(try await one.ask(coupon, Self.users + 2) == .closed)
        #expect(try await one.stop() == .code(0))
    }
}
