import CouponClient
import CouponCore
import CouponWire
import Glibc
import NIOCore
import TestSupport
import TestWorld
import Testing

/// The daemon waits for replicas before it answers ACCEPTED.
@Suite(.machine(.killing), .timeLimit(.minutes(2))) struct ReplicaTests {
    /// A daemon that reaches Redis by a link, which a failover points to another server.
    private struct Stage {
        let world: World
        let replica: RedisServer
        let daemon: Daemon
        let name: String

        init() async throws {
            world = try await World()
            replica = try await RedisServer(replicaOf: world.redis)
            name = world.folder.file("redis")
            try pointLink(name, to: world.redis.socket)
            daemon = try await world.daemon([
                "--redis", "unix:\(name)", "--redis-wait-replicas", "1",
                "--redis-wait-timeout", "200ms",
            ])
            _ = try await daemon.client.create(.offer(1, total: 100))
        }

        /// One try, not retried by the client.
        func ask(_ user: Int64, waitFor: WaitFor = .accepted) async throws -> ClientError? {
            do {
                _ = try await daemon.client.issue(
                    IssueRequest(
                        coupon: CouponID(1), user: UserID(user),
                        requestID: RequestID(high: UInt64(user), low: 0, length: 8),
                        waitFor: waitFor), deadline: .seconds(20))
                return nil
            } catch {
                return error
            }
        }
    }

    @Test func `an acceptance that no replica has is UNKNOWN and still issued`()
        async throws
    {
        let stage = try await Stage()
        try await eventually("the replica follows") { try await stage.ask(1) == nil }
        stage.replica.freeze()
        guard case .refused(let failure)? = try await stage.ask(2) else {
            Testing.Issue.record("user 2 did not get UNAVAILABLE")
            return
        }
        #expect(failure.code == .unavailable && failure.acceptance == .unknown)
        #expect(try await stage.ask(3, waitFor: .issued) == nil, "a commit needs no replica")
        try await eventually("user 2 has it") { try await stage.daemon.holds(CouponID(1), 2) }
        stage.replica.thaw()
        try await eventually("the retry gets ACCEPTED") { try await stage.ask(2) == nil }
        // A busy replica may miss the time limit.
        try await eventually("another user gets ACCEPTED") { try await stage.ask(4) == nil }
        #expect(try await stage.daemon.stop() == .code(0))
    }

    @Test func `the first replica that attaches costs a rebuild and nothing else`() async throws {
        let world = try await World()
        let daemon = try await world.daemon()
        let coupon = try await daemon.offer(total: 3)
        #expect(try await daemon.win(coupon, 1) == 1)
        let replica = try await RedisServer(replicaOf: world.redis)
        try await eventually("the gate is rebuilt") {
            try await daemon.client.audit(coupon).place.epoch > 1
        }
        try await daemon.process.logs("a new replication id: its first replica attached")
        #expect(try await daemon.holds(coupon, 1))
        for user in 2...3 { try await daemon.winSoon(coupon, Int64(user)) }
        _ = replica
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `with a backlog that Redis keeps, replicas come and go without a rebuild`()
        async throws
    {
        let world = try await World(redis: ["--repl-backlog-ttl", "0"])
        let first = try await RedisServer(replicaOf: world.redis)
        let daemon = try await world.daemon()
        let coupon = try await daemon.offer(total: 3)
        #expect(try await daemon.win(coupon, 1) == 1)
        try await first.stop()
        let second = try await RedisServer(replicaOf: world.redis)
        let third = try await RedisServer(replicaOf: world.redis)
        for user in 2...3 { #expect(try await daemon.win(coupon, Int64(user)) == Int64(user)) }
        #expect(try await daemon.client.audit(coupon).place.epoch == 1)
        _ = (second, third)
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `an acceptance that was answered outlives its Redis on the replica`() async throws {
        let stage = try await Stage()
        try await eventually("the replica follows") { try await stage.ask(1) == nil }
        // From here on nothing is issued, so only Redis knows of the acceptances.
        let lock = try await stage.world.lock(CouponID(1))
        for user in 2...30 as ClosedRange<Int64> {
            try await eventually("user \(user) gets ACCEPTED") { try await stage.ask(user) == nil }
        }
        try await stage.world.redis.kill()
        try await stage.replica.cli("REPLICAOF", "NO", "ONE")
        try pointLink(stage.name, to: stage.replica.socket)
        try await lock.release()
        try await eventually("everybody has it") { try stage.world.issued == 30 }
        // The promoted server has no replica, so no acceptance is confirmed any more.
        guard case .refused(let failure)? = try await stage.ask(31) else {
            Testing.Issue.record("user 31 got ACCEPTED")
            return
        }
        #expect(failure.code == .unavailable)
        #expect(try await stage.daemon.stop() == .code(0))
    }
}
