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
        // A retry must be asked of the gate, and ends by its deadline.
        #expect(try await daemon.refusalOfARetry(coupon) == .deadlineExceeded)
        for user in 3...500 {
            #expect(try await daemon.ask(coupon, Int64(user)) == .soldOut)
        }
        // A connection that gave no answer in time is given up; from then on nobody waits for it.
        try await eventually("a retry is refused at once") {
            try await daemon.refusalOfARetry(coupon) == .unavailable
        }
        #expect(try await daemon.ask(coupon, 501) == .soldOut)
        world.postgres.resume()
        world.redis.thaw()
        try await eventually("it sells again") {
            try await daemon.win(daemon.offer(total: 1), 1) == 1
        }
    }
}

extension Daemon {
    /// Why the holder of a coupon is not told what it has.
    fileprivate func refusalOfARetry(_ coupon: CouponID) async throws -> StatusCode {
        do {
            let outcome = try await client.issue(
                IssueRequest(coupon: coupon, user: UserID(1), attempt: 1),
                deadline: .milliseconds(100))
            throw Unexpected(what: "\(outcome)")
        } catch let error as ClientError {
            // On a busy machine the client may see the deadline before the daemon's word of it comes.
            if case .deadlineExceeded = error { return .deadlineExceeded }
            guard case .refused(let refusal) = error else { throw error }
            return refusal.code
        }
    }
}
