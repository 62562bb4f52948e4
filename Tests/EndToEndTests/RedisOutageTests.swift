import CouponClient
import CouponCore
import CouponWire
import HistoryChecker
import NIOCore
import TestSupport
import TestWorld
import Testing

extension FaultTests {
    /// Redis goes away, or loses everything, during a sale.
    @Suite(.machine(.killing), .serialized) struct RedisOutageTests {
        enum Outage: CaseIterable {
            case stopped
            case killed
            case frozen
        }

        @Test(arguments: Outage.allCases)
        func `while Redis is away all answers are true, and nothing acknowledged is lost`(
            outage: Outage
        ) async throws {
            let world = try await World()
            let daemon = try await world.daemon()
            let traffic = try await Traffic(world, through: daemon, total: 400)
            async let early: Void = traffic.run(first: 250)
            try await traffic.reach(accepted: 60)
            try await world.redis.begin(outage)
            async let late: Void = traffic.run()
            let answer = await daemon.client.answer(
                to: IssueRequest(coupon: traffic.coupon, user: UserID(90_000)), within: .seconds(1))
            switch answer {
            // The request ends at its deadline, or, once the daemon has noticed, as in any other outage.
            case .failure(.refused(let failure))
            where outage == .frozen && failure.code == .deadlineExceeded: break
            case .failure(.refused(let failure)):
                #expect(failure.code == .unavailable)
                #expect(failure.retryAfterMilliseconds ?? 0 > 0)
                #expect(failure.acceptance == .notAccepted)
            default: Testing.Issue.record("got \(answer)")
            }
            try await world.redis.end(outage)
            await early
            await late
            try await traffic.expectBalance(through: daemon)
            #expect(try await daemon.stop() == .code(0))
        }

        @Test
        func `while earlier calls get no reply, new requests are refused at once`()
            async throws
        {
            let world = try await World()
            let daemon = try await world.daemon()
            _ = try await daemon.client.create(.offer(1, total: 100))
            let clients = (0..<8).map { _ in
                CouponClient(address: daemon.client.address, configuration: .patient)
            }
            let early = await clients.ask(users: 1, within: .seconds(10))
            #expect(early.allSatisfy { $0.isAccepted })
            world.redis.freeze()
            for round in 1...2 {
                for answer in await clients.ask(users: round * 100, within: .milliseconds(200)) {
                    // After five seconds the daemon knows that Redis is silent.
                    let code = answer.refusal?.code
                    #expect(code == .deadlineExceeded || code == .unavailable, "\(answer)")
                }
            }
            try await world.redis.kill()
            for answer in await clients.ask(users: 300, within: .seconds(30)) {
                #expect(answer.refusal?.code == .unavailable)
                #expect(answer.refusal?.retryAfterMilliseconds ?? 0 > 0)
                #expect(answer.refusal?.acceptance == .notAccepted)
            }
            try await world.redis.restart()
            try await daemon.ready()
            for answer in await clients.ask(users: 300, within: .seconds(10)) {
                #expect(answer.isAccepted, "got \(answer)")
            }
        }

        @Test(arguments: ["SCRIPT FLUSH", "CLIENT KILL TYPE normal", "CLIENT KILL TYPE pubsub"])
        func `a sale goes on without scripts, connections or events`(command: String) async throws {
            let world = try await World()
            let daemon = try await world.daemon()
            let traffic = try await Traffic(world, through: daemon, total: 600)
            for _ in 1...4 {
                let soon = traffic.accepted + 40
                async let sale: Void = traffic.run(first: 140)
                try await traffic.reach(accepted: soon)
                for _ in 1...3 { try await world.redis.run(command) }
                await sale
            }
            await traffic.run()
            try await traffic.expectBalance(through: daemon)
            #expect(try await daemon.stop() == .code(0))
        }

        @Test func `a Redis that stands still for seconds costs no session, and a rebuild goes on`()
            async throws
        {
            let world = try await World()
            let daemons = [
                try await world.daemon(), try await world.daemon(), try await world.daemon(),
            ]
            let coupon = CouponID(3)
            _ = try await daemons[0].client.create(.offer(3, total: 50))
            let lock = try await world.lock(coupon)
            for user in 1...20 { _ = try await daemons[0].ask(coupon, Int64(user)) }
            let loads = try await world.lockRefusals()
            try await lock.release()
            try await eventually("each daemon has its share") { try world.owners.shares == 3 }
            let epoch = try world.epoch(of: 3)
            try await world.redis.cli("DEL", "coupond:{3}:gate")
            try await eventually("its gate is being rebuilt") { try world.epoch(of: 3) > epoch }
            let owners = try world.owners.all
            // Longer than PostgreSQL lets a session be silent.
            try await world.redis.cli("CLIENT", "PAUSE", "3500", "ALL")
            #expect(try await world.redis.cli("PING") == "PONG")
            try await loads.release()
            try await eventually("the gate is open, and all are issued") {
                try world.issued == 20
            }
            #expect(try world.epoch(of: 3) == epoch + 1)
            #expect(try world.owners.all == owners)
            for daemon in daemons { #expect(try await daemon.stop() == .code(0)) }
        }

        @Test func `after Redis loses everything the gate is rebuilt, and committed issues stay`()
            async throws
        {
            let world = try await World()
            let daemons = [try await world.daemon(), try await world.daemon()]
            let traffic = try await Traffic(world, through: daemons[0], total: 600)
            traffic.add(daemons[1])
            for _ in 1...3 {
                let soon = traffic.accepted + 60
                async let sale: Void = traffic.run(first: 180)
                try await traffic.reach(accepted: soon)
                try await traffic.recorder.losing(.redis) { try await world.redis.run("FLUSHALL") }
                await sale
            }
            await traffic.run()
            for _ in 1...2 {
                try await traffic.heal(through: daemons[0])
                await traffic.askAgain(try await world.tables())
            }
            try await traffic.expectBalance(through: daemons[0])
            for daemon in daemons { #expect(try await daemon.stop() == .code(0)) }
        }
    }
}

extension World {
    /// Which session owns which partition, and how many sessions own some.
    fileprivate var owners: (all: String, shares: Int) {
        get throws {
            let rows = try sql(
                """
                SELECT objid || ' ' || pid FROM pg_locks
                WHERE locktype = 'advisory' AND classid = \(0x636F_0001) AND granted AND database =
                    (SELECT oid FROM pg_database WHERE datname = current_database())
                ORDER BY objid
                """)
            let sessions = rows.split(separator: "\n").compactMap { $0.split(separator: " ").last }
            return (rows, sessions.count == 16 ? Set(sessions).count : 0)
        }
    }

    fileprivate func epoch(of partition: Int) throws -> Epoch {
        try #require(
            Epoch(try sql("SELECT epoch FROM coupond.partition WHERE id = \(partition)")))
    }
}

extension [CouponClient] {
    /// Each client asks for coupon 1 for one user, all at once.
    fileprivate func ask(
        users first: Int, within deadline: TimeAmount
    ) async -> [Result<Outcome, ClientError>] {
        await withTaskGroup { group in
            for (number, client) in enumerated() {
                let request = IssueRequest(
                    coupon: CouponID(1), user: UserID(Int64(first + number)))
                group.addTask { await client.answer(to: request, within: deadline) }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }
}

extension Result<Outcome, ClientError> {
    fileprivate var isAccepted: Bool {
        if case .success(.accepted) = self { true } else { false }
    }

    fileprivate var refusal: CouponCore.Failure? {
        if case .failure(.refused(let failure)) = self { failure } else { nil }
    }
}

extension RedisServer {
    fileprivate func begin(_ outage: FaultTests.RedisOutageTests.Outage) async throws {
        switch outage {
        case .stopped: try await stop()
        case .killed: try await kill()
        case .frozen: freeze()
        }
    }

    fileprivate func end(_ outage: FaultTests.RedisOutageTests.Outage) async throws {
        switch outage {
        case .stopped, .killed: try await restart()
        case .frozen: thaw()
        }
    }

    fileprivate func run(_ command: String) async throws {
        let words = command.split(separator: " ").map(String.init)
        switch words.count {
        case 1: try await cli(words[0])
        case 2: try await cli(words[0], words[1])
        default: try await cli(words[0], words[1], words[2], words[3])
        }
    }
}
