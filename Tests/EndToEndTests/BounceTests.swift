/// Finished means cheap: a bounce needs nobody.
import CouponClient
import CouponCore
import CouponWire
import NIOCore
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(1))) struct BounceTests {
    @Test func `a finished coupon bounces while Redis and PostgreSQL stand still`() async throws {
        let world = try await World(ownPostgres: true)
        let daemon = try await world.daemon()
        let coupon = try await daemon.offer(total: 1)
        try await daemon.win(coupon, 1)
        try await eventually("it bounces") {
            guard try await daemon.ask(coupon, 2) == .soldOut else { return false }
            return try await daemon.client.audit(coupon).workersClosed > 0
        }
        world.redis.freeze()
        world.postgres.pause()
        for user in 3...500 {
            #expect(try await daemon.ask(coupon, Int64(user)) == .soldOut)
        }
        // A retry must be asked of the gate, and ends by its deadline.
        let failure = await #expect(throws: ClientError.self) {
            try await daemon.client.issue(
                IssueRequest(coupon: coupon, user: UserID(1), attempt: 1),
                deadline: .milliseconds(100))
        }
        if case .refused(let refusal) = failure {
            #expect(refusal.code == .deadlineExceeded)
        }
        world.postgres.resume()
        world.redis.thaw()
        try await eventually("it sells again") {
            try await daemon.win(daemon.offer(total: 1), 1) == 1
        }
    }
}
