import CouponClient
import CouponCore
import CouponWire
import Foundation
import NIOCore
import TestSupport
import TestWorld
import Testing

extension FaultTests {
    /// A daemon gets SIGTERM or SIGHUP while it is busy.
    @Suite(.machine(.killing), .serialized) struct DrainTests {
        @Test func `a daemon ends cleanly on SIGTERM under load, and the next one continues`()
            async throws
        {
            let world = try await World()
            var daemon = try await world.daemon()
            let traffic = try await Traffic(world, through: daemon, total: 600)
            for _ in 1...3 {
                let soon = traffic.accepted + 50
                async let sale: Void = traffic.run(first: 180)
                try await traffic.reach(accepted: soon)
                let ending = daemon
                async let end = ending.stop()
                daemon = try await world.daemon()
                traffic.add(daemon)
                #expect(try await end == .code(0))
                traffic.remove(ending)
                await sale
            }
            await traffic.run()
            try await traffic.expectBalance(through: daemon)
            traffic.expectFailuresOfDraining()
        }

        @Test func `SIGHUP under load interrupts nothing`() async throws {
            let world = try await World()
            let daemon = try await world.daemon()
            let traffic = try await Traffic(world, through: daemon, total: 400)
            for _ in 1...4 {
                let soon = traffic.accepted + 30
                async let sale: Void = traffic.run(first: 95)
                try await traffic.reach(accepted: soon)
                daemon.process.signal(SIGHUP)
                await sale
            }
            await traffic.run()
            try await traffic.expectBalance(through: daemon)
            // On a busy machine a user's own deadline may pass.
            #expect(traffic.failures.filter { $0 != .deadlineExceeded } == [])
            #expect(try await daemon.stop() == .code(0))
        }

        @Test func `callers who wait for ISSUED are answered while the daemon drains`() async throws
        {
            let world = try await World()
            let port = Int(try freePort())
            let daemon = try await world.daemon([
                "--metrics-listen", "127.0.0.1:\(port)", "--drain-timeout", "60s",
            ])
            let client = CouponClient(address: daemon.client.address, configuration: .patient)
            _ = try await client.create(.offer(1, total: 50))
            let lock = try await world.lock(CouponID(1))
            async let outcomes = waitForIssued(client, users: 1...50)
            try await daemon.waitUntilAccepted(50)
            daemon.process.signal(SIGTERM)
            try await daemon.process.logs("draining")
            // For a second it still serves the requests of the client that is asked to leave.
            let ready = try httpGet("/readyz", port: port)
            #expect(ready.hasPrefix("HTTP/1.1 503") && ready.contains("shutting down"), "\(ready)")
            #expect(try world.sql("SELECT count(*) FROM coupond.coupon_issue") == "0")
            try await lock.release()
            for (user, outcome) in await outcomes {
                guard case .success(.issued(let sequence, _)) = outcome else {
                    Testing.Issue.record("user \(user) got \(outcome)")
                    continue
                }
                #expect(
                    try world.sql(
                        "SELECT sequence FROM coupond.coupon_issue WHERE user_id = \(user)")
                        == "\(sequence)")
            }
            #expect(try await daemon.process.waitForEnd() == .code(0))
        }

        @Test func `during a drain slow methods are refused, and do not make it longer`()
            async throws
        {
            let world = try await World()
            let daemon = try await world.daemon(["--drain-timeout", "60s"])
            let client = CouponClient(address: daemon.client.address, configuration: .patient)
            _ = try await client.create(.offer(1, total: 1))
            let lock = try await world.lock(CouponID(1))
            async let outcomes = waitForIssued(client, users: 1...1)
            try await daemon.waitUntilAccepted(1)
            let caller = try PlainSocket(port: daemon.port)
            try caller.checkAlive()
            daemon.process.signal(SIGTERM)
            let refusal = Response.Result.failure(
                .unavailable("the daemon is shutting down: ask another one"))
            try await eventually("a status is refused") {
                try caller.send(
                    Request(id: 1, method: .couponStatus(coupon: CouponID(1), user: nil)))
                return try caller.response()?.result == refusal
            }
            try caller.send(Request(id: 2, method: .getCoupon(CouponID(1))))
            #expect(try caller.response()?.result == refusal)
            #expect(daemon.process.isRunning)
            try await lock.release()
            guard case .success(.issued)? = await outcomes.first?.1 else {
                Testing.Issue.record("the caller who waited was not answered")
                return
            }
            #expect(try await daemon.process.waitForEnd() == .code(0))
        }

        @Test func `a daemon ends although PostgreSQL does not answer its threads`() async throws {
            let world = try await World(ownPostgres: true)
            let daemon = try await world.daemon(["--drain-timeout", "0s"])
            let coupon = try await daemon.offer(total: 1)
            world.postgres.pause()
            // Each call would keep the lane of admin methods busy for ten seconds.
            let callers = try (1...8).map { _ in
                let caller = try PlainSocket(port: daemon.port)
                try caller.send(
                    Request(id: 1, deadlineMilliseconds: 60_000, method: .getCoupon(coupon)))
                return caller
            }
            #expect(try await daemon.stop() == .code(0))
            #expect(daemon.process.logText.contains("the stop took too long"))
            withExtendedLifetime(callers) {}
            world.postgres.resume()
        }

        @Test
        func `requests that a drain cannot issue end as accepted, and the next daemon issues them`()
            async throws
        {
            let world = try await World()
            let daemon = try await world.daemon(["--drain-timeout", "1s"])
            let client = CouponClient(address: daemon.client.address, configuration: .patient)
            _ = try await client.create(.offer(1, total: 50))
            let lock = try await world.lock(CouponID(1))
            async let outcomes = waitForIssued(client, users: 1...50)
            try await daemon.waitUntilAccepted(50)
            daemon.process.signal(SIGTERM)
            var sequences: Set<Int64> = []
            for (user, outcome) in await outcomes {
                guard case .failure(.refused(let failure)) = outcome,
                    case .accepted(let sequence) = failure.acceptance
                else {
                    Testing.Issue.record("user \(user) got \(outcome)")
                    continue
                }
                #expect(failure.code == .unavailable)
                sequences.insert(sequence)
            }
            #expect(sequences == Set(1...50))
            #expect(try await daemon.process.waitForEnd() == .code(0))
            try await lock.release()
            let next = try await world.daemon()
            try await eventually("all are issued") {
                try world.sql("SELECT count(*) FROM coupond.coupon_issue") == "50"
            }
            #expect(try await next.stop() == .code(0))
        }
    }
}

/// Asks for coupon 1 for each of these users at once, on one connection, and waits for ISSUED.
private func waitForIssued(
    _ client: CouponClient, users: ClosedRange<Int64>
) async -> [(Int64, Result<Outcome, ClientError>)] {
    await withTaskGroup { group in
        for user in users {
            group.addTask {
                let request = IssueRequest(
                    coupon: CouponID(1), user: UserID(user), waitFor: .issued)
                return (user, await client.answer(to: request, within: .seconds(30)))
            }
        }
        return await group.reduce(into: []) { $0.append($1) }
    }
}

extension Daemon {
    fileprivate func waitUntilAccepted(_ count: Int64) async throws {
        try await eventually("\(count) requests are accepted") {
            try await client.status(of: CouponID(1)).accepted == count
        }
    }
}

extension Traffic {
    /// A daemon that drains refuses with UNAVAILABLE, or has closed the connection; nothing else. On a busy
    /// machine a user's own deadline may pass.
    fileprivate func expectFailuresOfDraining() {
        for failure in failures {
            switch failure {
            case .cannotConnect, .connectionLost, .notConnected, .deadlineExceeded: break
            case .refused(let refusal):
                #expect(refusal.code == .unavailable && refusal.retryAfterMilliseconds ?? 0 > 0)
            default: Testing.Issue.record("got \(failure)")
            }
        }
    }
}
