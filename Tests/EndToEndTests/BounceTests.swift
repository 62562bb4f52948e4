/// A bounce needs neither Redis nor PostgreSQL (promise 7).
import CouponClient
import CouponCore
import CouponWire
import NIOCore
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(3))) struct BounceTests {
    @Test func `a finished coupon bounces while Redis and PostgreSQL are frozen`() async throws {
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
        // A retry must go to the gate, and fails at its deadline.
        #expect(try await daemon.refusalOfARetry(coupon) == .deadlineExceeded)
        for user in 3...100 {
            #expect(try await daemon.ask(coupon, Int64(user)) == .soldOut)
        }
        // The daemon gives up the silent connection. From then on it refuses retries at once.
        try await eventually("a retry is refused at once") {
            try await daemon.refusalOfARetry(coupon) == .unavailable
        }
        #expect(try await daemon.ask(coupon, 101) == .soldOut)
        world.postgres.resume()
        world.redis.thaw()
        try await eventually("it sells again") {
            try await daemon.win(daemon.offer(total: 1), 1) == 1
        }
    }
}

extension Daemon {
    /// The code with which a holder's retry fails.
    fileprivate func refusalOfARetry(_ coupon: CouponID) async throws -> StatusCode {
        do {
            let outcome = try await client.issue(
                IssueRequest(coupon: coupon, user: UserID(1), attempt: 1),
                deadline: .milliseconds(100))
            throw Unexpected(what: "\(outcome)")
        } catch let error as ClientError {
            // On a busy machine the client's deadline may pass before the daemon's error arrives.
            if case .deadlineExceeded = error { return .deadlineExceeded }
            guard case .refused(let refusal) = error else { throw error }
            return refusal.code
        }
    }
}
