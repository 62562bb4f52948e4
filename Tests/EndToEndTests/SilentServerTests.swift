import CouponClient
import CouponCore
import NIOCore
import TestSupport
import TestWorld
import Testing

/// Servers that say nothing any more, although their connections stand.
@Suite(.machine(.asking), .timeLimit(.minutes(2))) struct SilentServerTests {
    @Test func `a Redis that says nothing is noticed within seconds, although nobody asks`()
        async throws
    {
        let world = try await World()
        let daemon = try await world.daemon()
        let coupon = try await daemon.offer(total: 5)
        #expect(try await daemon.win(coupon, 1) == 1)
        world.redis.freeze()
        let start = FairClock.now
        try await eventually("it is not ready") {
            try await daemon.client.health() != nil
        }
        #expect(FairClock.now - start < .seconds(6))
        world.redis.thaw()
        try await daemon.ready()
        #expect(try await daemon.win(coupon, 2) == 2)
        #expect(try await daemon.stop() == .code(0))
    }

    /// Redis itself is given five seconds to answer.
    @Test func `while Redis says nothing, a status says what PostgreSQL knows`() async throws {
        let world = try await World()
        let daemon = try await world.daemon()
        let coupon = try await daemon.offer(total: 5)
        #expect(try await daemon.win(coupon, 1) == 1)
        world.redis.freeze()
        defer { world.redis.thaw() }
        let status = try await daemon.client.status(
            of: coupon, user: UserID(1), deadline: .seconds(4))
        guard case .issued(sequence: 1, _) = status.user else {
            throw Unexpected(what: "\(status)")
        }
        let error = await #expect(throws: ClientError.self) {
            try await daemon.client.status(of: coupon, user: UserID(2), deadline: .seconds(4))
        }
        guard case .refused(let failure) = error else {
            throw Unexpected(what: "\(String(describing: error))")
        }
        #expect(failure.code == .unavailable, "the gate alone may know of user 2")
    }
}
