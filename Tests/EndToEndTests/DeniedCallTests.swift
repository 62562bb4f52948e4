/// What callers with a name were not allowed to do is in the trail, counted; strangers leave nothing there.
import CouponClient
import CouponCore
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(2))) struct DeniedCallTests {
    @Test func `denied calls of a caller are one line with their number, and strangers leave none`()
        async throws
    {
        let stage = try await CallersWorld([
            CallersWorld.line("clerk", "roles=operator"),
            CallersWorld.line("boss", "roles=operator,admin"), "anonymous roles=issuer",
        ])
        let (clerk, boss) = (stage.client("clerk"), stage.client("boss"))
        _ = try await boss.create(.offer(1, total: 5))
        for _ in 1...50 {
            await #expect(throws: ClientError.self) { try await clerk.close(CouponID(1)) }
        }
        for _ in 1...50 {
            await #expect(throws: ClientError.self) {
                try await stage.daemon.client.pause(CouponID(1))
            }
        }
        _ = try await clerk.pause(CouponID(1))
        let own = try await clerk.adminActions(of: .principal("clerk"))
        #expect(own.map(\.action.call.method) == ["pause_coupon"])
        #expect(own.map(\.action.call.address) == ["127.0.0.1"])
        await clerk.close()
        await boss.close()
        #expect(try await stage.daemon.stop() == .code(0), "it writes what it has counted")
        #expect(
            try stage.world.sql(
                """
                SELECT principal, method, outcome, sum(count) FROM coupond.admin_action
                GROUP BY principal, method, outcome ORDER BY min(id)
                """) == """
                    boss|create_coupon|OK|1
                    clerk|pause_coupon|OK|1
                    clerk|close_coupon|PERMISSION_DENIED|50
                    """)
        // A minute that ends in between makes one line more.
        let lines = try stage.world.sql(
            "SELECT count(*) FROM coupond.admin_action WHERE outcome = 'PERMISSION_DENIED'")
        #expect(["1", "2"].contains(lines))
        #expect(stage.daemon.process.logText.contains("a caller was refused"))
    }
}
