/// The front door: what bounces in the daemon, what reaches Redis and PostgreSQL, and how often. The tests
/// count calls, so they run one after the other, in a world of their own.
import CouponClient
import CouponCore
import CouponWire
import Foundation
import NIOCore
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .sharedWorld(), .serialized, .timeLimit(.minutes(2))) struct CacheTests {
    /// How many requests are sent, so that the counts show whether they reach the gate.
    private let many = 2_000

    @Test func `once the gate is full the daemon bounces, before the commit`() async throws {
        let (world, daemon) = (try SharedWorld.current.world, try SharedWorld.current.one)
        let coupon = try await daemon.offer(total: 2)
        let lock = try await world.lock(coupon)
        for user in 1...2 { _ = try await daemon.ask(coupon, Int64(user)) }
        #expect(try await daemon.ask(coupon, 3) == .soldOut)
        let before = try await world.gateCalls()
        try await expectAll(.soldOut, coupon, from: daemon)
        let calls = try await world.gateCalls() - before
        #expect(calls < many / 10)
        #expect(try world.sql(rows(coupon)) == "0")
        try await lock.release()
        try await eventually("both are issued") { try world.sql(rows(coupon)) == "2" }
    }

    @Test func `after the completion event every daemon bounces`() async throws {
        let shared = try SharedWorld.current
        let coupon = try await shared.one.offer(total: 1)
        // Pause and resume the coupon, so that the other daemon knows it as open.
        let closed = try await shared.other.client.pause(coupon)
        #expect(closed.state == .paused)
        #expect(try await shared.other.ask(coupon, 9) == .paused)
        _ = try await shared.other.client.resume(coupon)
        // The first daemon may bounce the coupon as paused until the next event arrives.
        try await shared.one.winSoon(coupon, 1)
        for daemon in [shared.one, shared.other] {
            try await eventually("the daemon bounces") {
                guard try await daemon.ask(coupon, 2) == .soldOut else { return false }
                return try await daemon.client.audit(coupon).workersClosed > 0
            }
            let before = try await shared.world.gateCalls()
            try await expectAll(.soldOut, coupon, from: daemon)
            let calls = try await shared.world.gateCalls() - before
            #expect(calls < many / 10)
        }
    }

    @Test func `a holder's retry goes to the gate and never gets SOLD_OUT`() async throws {
        let shared = try SharedWorld.current
        let (coupon, name) = (try await shared.one.offer(total: 1), RequestID.random())
        #expect(try await shared.one.ask(coupon, 1, name) == .accepted(sequence: 1))
        try await eventually("it is issued") { try await shared.one.holds(coupon, 1) }
        for daemon in [shared.one, shared.other] {
            try await eventually("it bounces") { try await daemon.ask(coupon, 2) == .soldOut }
            #expect(try await daemon.ask(coupon, 1, name, attempt: 1) == .accepted(sequence: 1))
            let issued = try await daemon.ask(coupon, 1, name, waitFor: .issued, attempt: 2)
            guard case .issued(sequence: 1, _) = issued else { throw Unexpected(what: "\(issued)") }
            #expect(
                try await daemon.ask(coupon, 1, .random(), attempt: 1)
                    == .duplicate(sequence: 1, state: .issued))
            #expect(try await daemon.ask(coupon, 2, attempt: 1) == .soldOut)
        }
    }

    @Test func `a coupon that does not exist is looked up only now and then`() async throws {
        let (world, daemon) = (try SharedWorld.current.world, try SharedWorld.current.one)
        let before = try await world.lookUps(by: daemon)
        try await expectAll(.notFound, CouponID(4_000_000_003), from: daemon)
        let calls = try await world.lookUps(by: daemon) - before
        // Each second daemons read the table for other reasons, and a busy machine takes a minute for this.
        #expect(calls < many / 2)
    }

    @Test
    func `a flood of unknown ids costs little and does not block loads`()
        async throws
    {
        let (world, daemon) = (try SharedWorld.current.world, try SharedWorld.current.one)
        let before = try await world.transactions(by: daemon)
        let clients = (0..<16).map { _ in
            CouponClient(address: daemon.client.address, configuration: .patient)
        }
        let codes = try await withThrowingTaskGroup(of: StatusCode?.self) { group in
            for number in 0..<16_000 {
                group.addTask {
                    let nowhere = CouponID(5_000_000_000 + Int64(number))
                    let request = IssueRequest(coupon: nowhere, user: UserID(1))
                    do {
                        let outcome = try await clients[number % 16].issue(
                            request, deadline: .seconds(50))
                        guard outcome == .notFound else { throw Unexpected(what: "\(outcome)") }
                        return nil
                    } catch ClientError.refused(let refusal) {
                        return refusal.code
                    }
                }
            }
            for user in 1...20 {
                let coupon = try await daemon.offer(total: 1)
                try await daemon.win(coupon, Int64(user))
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        for client in clients { await client.close() }
        #expect(codes.allSatisfy { $0 == nil || $0 == .resourceExhausted }, "\(Set(codes))")
        // Looked up one by one, each id would cost a transaction.
        let transactions = try await world.transactions(by: daemon) - before
        #expect(transactions < codes.count / 4)
    }

    @Test func `many requests at once for a coupon that is not loaded cause one load`() async throws
    {
        let (world, daemon) = (try SharedWorld.current.world, try SharedWorld.current.one)
        let coupon = try await daemon.offer(total: nil)
        // Nobody has requested it, so the gate does not hold it.
        #expect(try await daemon.client.audit(coupon).gate == nil)
        let (before, changes) = (
            try await world.lookUps(by: daemon), try await world.changes(coupon)
        )
        let clients = (1...8).map { _ in
            CouponClient(address: daemon.client.address, configuration: .patient)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for user in 1...800 {
                group.addTask {
                    let request = IssueRequest(coupon: coupon, user: UserID(Int64(user)))
                    let outcome = try await clients[user % clients.count].issue(
                        request, deadline: .seconds(20))
                    guard case .accepted = outcome else { throw Unexpected(what: "\(outcome)") }
                }
            }
            try await group.waitForAll()
        }
        for client in clients { await client.close() }
        let loads = try await world.changes(coupon) - changes
        #expect(loads == 1)
        let calls = try await world.lookUps(by: daemon) - before
        // Each batch that issues reads the coupon too, and on a busy machine there are many small ones.
        #expect(calls < 600)
    }

    @Test func `if two daemons need a coupon, one loads it and the other waits`()
        async throws
    {
        let shared = try SharedWorld.current
        let (world, daemons) = (shared.world, [shared.one, shared.other])
        let coupon = try await shared.one.offer(total: 10)
        let lock = try await world.lockRefusals()
        let outcomes = try await withThrowingTaskGroup(of: Outcome.self) { group in
            for user in 1...40 {
                // A load waits for at most a second; on a busy machine it may take longer to be seen.
                group.addTask {
                    let request = IssueRequest(coupon: coupon, user: UserID(Int64(user)))
                    return try await daemons[user % 2].client.issue(
                        request, deadline: .seconds(20), retrying: RetryPolicy(tries: 20))
                }
            }
            try await eventually("a daemon loads") { try world.loads == 1 }
            for _ in 1...20 { #expect(try world.loads <= 1) }
            try await lock.release()
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.count { $0 == .soldOut } == 30)
        for daemon in daemons {
            try await eventually("all are issued") {
                try await daemon.client.coupon(coupon).issued == 10
            }
            // SIGHUP empties the front door, so the daemon asks the gate again.
            daemon.process.signal(SIGHUP)
            #expect(try await daemon.ask(coupon, 100, attempt: 1) == .soldOut)
            #expect(try await daemon.ask(coupon, 101) == .soldOut)
        }
    }

    private func rows(_ coupon: CouponID) -> String {
        "SELECT count(*) FROM coupond.coupon_issue WHERE coupon_id = \(coupon.rawValue)"
    }

    /// First tries of many other users get this outcome. They come one after the other, so no two share a
    /// call.
    private func expectAll(
        _ outcome: Outcome, _ coupon: CouponID, from daemon: Daemon
    ) async throws {
        for user in 0..<many {
            #expect(try await daemon.ask(coupon, Int64(1_000 + user)) == outcome)
        }
    }
}

extension World {
    /// How many gate calls looked up users. In an open gate only they use HMGET, so calls that daemons make
    /// by themselves do not count.
    func gateCalls() async throws -> Int {
        let statistics = try await redis.cli("INFO", "commandstats")
        return statistics.split(whereSeparator: \.isNewline)
            .filter { $0.hasPrefix("cmdstat_hmget:") }
            .compactMap { $0.firstMatch(of: /calls=(\d+)/).flatMap { Int($0.1) } }
            .reduce(0, +)
    }

    /// How often a coupon of the same partition was loaded, or has opened or closed.
    func changes(_ coupon: CouponID) async throws -> Int {
        let key = "coupond:{\(coupon.rawValue % 16)}:gate"
        let script = "return (struct.unpack('>I8', redis.call('GET', KEYS[1]), 51))"
        return Int(try await redis.cli("EVAL", script, "1", key)) ?? 0
    }

    /// How often the coupons' table was read.
    func lookUps(by daemon: Daemon) async throws -> Int {
        // A session reports its counts now and then, all together: once this insert shows, everything
        // before it shows too.
        let inserts = try table("n_tup_ins")
        _ = try await daemon.offer(total: 1)
        try await eventually("PostgreSQL's statistics are up to date") {
            try table("n_tup_ins") > inserts
        }
        return try table("seq_scan + coalesce(idx_scan, 0)")
    }

    /// How many transactions the database has seen.
    func transactions(by daemon: Daemon) async throws -> Int {
        _ = try await lookUps(by: daemon)
        let text = try sql(
            "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
        return try #require(Int(text))
    }

    /// How many loads wait for a lock; audits may wait beside them.
    var loads: Int {
        get throws {
            let text = try sql(
                """
                SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'
                    AND query LIKE '%held, redriven, discarded%'
                """)
            return try #require(Int(text))
        }
    }

    private func table(_ figure: String) throws -> Int {
        let text = try sql(
            """
            SELECT \(figure) FROM pg_stat_user_tables
            WHERE schemaname = 'coupond' AND relname = 'coupon'
            """)
        return try #require(Int(text))
    }
}
