import CouponClient
import CouponCore
import CouponWire
import TestSupport
import TestWorld
import Testing

/// A change reaches the gate even if its daemon dies after the commit (rule 33).
@Suite(.machine(.asking), .timeLimit(.minutes(2))) struct ResyncTests {
    @Test func `a raised total that did not reach the gate still opens the coupon`() async throws {
        let world = try await World()
        let daemon = try await world.daemon()
        _ = try await daemon.client.create(.offer(1, total: 1))
        func issue(_ user: Int64) async throws -> Outcome {
            try await daemon.client.issue(
                IssueRequest(coupon: CouponID(1), user: UserID(user), waitFor: .issued))
        }
        guard case .issued = try await issue(1) else {
            Testing.Issue.record("the first was not issued")
            return
        }
        #expect(try await issue(2) == .soldOut)
        // What a daemon leaves that commits, and dies before it updates the gate.
        try world.sql(
            """
            UPDATE coupond.coupon SET total = 2, version = version + 1;
            INSERT INTO coupond.gate_outbox VALUES (1, now() - interval '1 minute')
            """)
        try await eventually("the coupon is open again") {
            if case .issued(sequence: 2, _) = try await issue(2) { true } else { false }
        }
        // The outbox row is deleted when the gate has answered, which is after the gate opened.
        try await eventually("the outbox row is gone") {
            try world.sql("SELECT count(*) FROM coupond.gate_outbox") == "0"
        }
        #expect(try await daemon.stop() == .code(0))
    }
}
