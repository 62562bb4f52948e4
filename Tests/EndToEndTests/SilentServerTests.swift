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
        try await eventually("it is not ready", within: .seconds(10)) {
            try await daemon.client.health() != nil
        }
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
        func status(_ user: UserID) async throws -> UserStatus {
            try await daemon.client.status(of: coupon, user: user, deadline: .seconds(4)).user
        }
        // On a busy machine a deadline may pass before PostgreSQL has answered.
        try await eventually("user 1 has it") {
            if case .issued(sequence: 1, _) = try await status(1) { true } else { false }
        }
        try await eventually("the gate alone may know of user 2") {
            let code = try await refusal { try await status(2) }
            #expect(code == .unavailable || code == .deadlineExceeded)
            return code == .unavailable
        }
    }
}
