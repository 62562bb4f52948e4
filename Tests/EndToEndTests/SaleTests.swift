import CouponClient
import CouponCore
import CouponWire
import TestSupport
import TestWorld
import Testing

/// The simplest sale.
@Suite(.machine(.asking), .timeLimit(.minutes(2))) struct SaleTests {
    @Test func `a coupon is issued in order, once to a user, up to its total`() async throws {
        let world = try await World()
        let daemon = try await world.daemon()
        _ = try await daemon.client.create(.offer(1, total: 3))
        for user in 1...3 {
            let outcome = try await daemon.client.issue(
                IssueRequest(coupon: CouponID(1), user: UserID(Int64(user)), waitFor: .issued))
            guard case .issued(let sequence, let at) = outcome else {
                Testing.Issue.record("user \(user) got \(outcome)")
                continue
            }
            #expect(sequence == Int64(user))
            #expect(at > .now(plus: -60) && at < .now(plus: 60))
        }
        let late = try await daemon.client.issue(
            IssueRequest(coupon: CouponID(1), user: UserID(4)))
        #expect(late == .soldOut)
        let rows = try world.sql(
            "SELECT user_id, sequence FROM coupond.coupon_issue ORDER BY sequence")
        #expect(rows == "1|1\n2|2\n3|3")
        #expect(try await daemon.stop() == .code(0))
    }
}
