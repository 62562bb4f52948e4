import CouponClient
import CouponCore
import CouponWire
import Foundation
import NIOCore
import TestSupport
import TestWorld
import Testing

extension FaultTests {
    /// A daemon that is told to stop, or to reload, while it is busy.
    @Suite struct DrainTests {
        @Test func `SIGTERM under load: it ends well, and the next daemon goes on`() async throws {
            let world = try await World()
            var daemon = try await world.daemon()
            let load = try await Load(world, through: daemon, total: 600)
            for _ in 1...3 {
                let soon = load.accepted + 50
                async let sale: Void = load.run(first: 180)
                try await load.reach(accepted: soon)
                let ending = daemon
                async let end = ending.stop()
                daemon = try await world.daemon()
                load.add(daemon)
                #expect(try await end == .code(0))
                load.remove(ending)
                await sale
            }
            await load.run()
            try await load.expectBalance(through: daemon)
            load.expectFailuresOfDraining()
        }

        @Test func `SIGHUP under load ends nothing`() async throws {
            let world = try await World()
            let daemon = try await world.daemon()
            let load = try await Load(world, through: daemon, total: 400)
            for _ in 1...4 {
                let soon = load.accepted + 30
                async let sale: Void = load.run(first: 95)
                try await load.reach(accepted: soon)
                daemon.process.signal(SIGHUP)
                await sale
            }
            await load.run()
            try await load.expectBalance(through: daemon)
            #expect(load.failures.isEmpty)
            #expect(try await daemon.stop() == .code(0))
        }

        @Test func `callers who wait for ISSUED are answered while the daemon drains`() async throws
        {
            let world = try await World()
            let daemon = try await world.daemon()
            let client = CouponClient(address: daemon.client.address)
            _ = try await client.create(.offer(1, total: 50))
            let lock = try await world.lock(CouponID(1))
            async let outcomes = waitForIssued(client, users: 1...50)
            try await daemon.waitUntilAccepted(50)
            daemon.process.signal(SIGTERM)
            try await eventually("it drains") { daemon.process.logTail().contains("draining") }
            #expect(try world.sql("SELECT count(*) FROM coupond.coupon_issue") == "0")
            try await lock.release()
            for (user, outcome) in await outcomes {
                guard case .success(.issued(let sequence, _)) = outcome else {
                    Testing.Issue.record("user \(user) was told \(outcome)")
                    continue
                }
                #expect(
                    try world.sql(
                        "SELECT sequence FROM coupond.coupon_issue WHERE user_id = \(user)")
                        == "\(sequence)")
            }
            #expect(try await daemon.process.waitForEnd() == .code(0))
        }

        @Test
        func `what cannot be issued in time is told as accepted, and the next daemon issues it`()
            async throws
        {
            let world = try await World()
            let daemon = try await world.daemon(["--drain-timeout", "1s"])
            let client = CouponClient(address: daemon.client.address)
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
                    Testing.Issue.record("user \(user) was told \(outcome)")
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

extension Load {
    /// A daemon that drains refuses with UNAVAILABLE, or has closed the connection; nothing else.
    fileprivate func expectFailuresOfDraining() {
        for failure in failures {
            switch failure {
            case .cannotConnect, .connectionLost, .notConnected: break
            case .refused(let refusal):
                #expect(refusal.code == .unavailable && refusal.retryAfterMilliseconds ?? 0 > 0)
            default: Testing.Issue.record("told \(failure)")
            }
        }
    }
}
