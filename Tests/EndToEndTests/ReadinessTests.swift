import CouponClient
import CouponCore
import CouponWire
import TestSupport
import TestWorld
import Testing

/// A daemon listens once it can serve, so it never refuses a client because it is still starting.
@Suite(.machine(.asking), .timeLimit(.minutes(3))) struct ReadinessTests {
    @Test func `the first client that can connect is served`() async throws {
        let world = try await World()
        let daemon = try Daemon(world)
        var first: Result<Outcome, ClientError>?
        try await eventually("somebody can connect") {
            do throws(ClientError) {
                first = .success(
                    try await daemon.client.issue(
                        IssueRequest(coupon: CouponID(7), user: UserID(1))))
            } catch {
                guard case .cannotConnect = error else {
                    first = .failure(error)
                    return true
                }
            }
            return first != nil
        }
        // A start that takes longer than five seconds does not wait any longer.
        let isLate = daemon.process.logText.contains("\"event\":\"listening-early\"")
        #expect(first == .success(.notFound) || isLate, "\(String(describing: first))")
        #expect(try await daemon.stop() == .code(0))
    }
}
