import CouponClient
import CouponCore
import HistoryChecker
import TestSupport
import TestWorld
import Testing

extension FaultTests {
    /// Redis loses its data, or comes back with older data, during a sale (rules 14, 15, 25 to 31).
    @Suite(.machine(.killing), .serialized) struct RedisRollbackTests {
        enum Rollback: CaseIterable {
            case flushed
            case restartedEmpty
            case olderLogRestored
            /// REPLICAOF an older server, then NO ONE: the process and its connections stay.
            case replicaOfAnOlderOneAndBack
            /// The master dies, and a replica that has stopped following takes its place.
            case laggingReplicaPromoted
            /// The same, and its clock is five seconds behind the master's.
            case laggingReplicaWithASlowerClockPromoted
        }

        @Test(arguments: Rollback.allCases)
        func `if Redis goes back during a sale, callers retry and nothing is issued twice`(
            rollback: Rollback
        ) async throws {
            let stage = try await Stage(rollback)
            let daemon = try Daemon(stage.world, redis: "unix:\(stage.name)")
            try await daemon.ready()
            let traffic = try await Traffic(stage.world, through: daemon, total: 400)
            async let early: Void = traffic.run(first: 200)
            try await traffic.reach(accepted: 60)
            let past = traffic.recorder.now
            let older = try await stage.remember()
            await early

            let soon = traffic.accepted + 60
            async let late: Void = traffic.run(first: 300)
            try await traffic.reach(accepted: soon)
            try await traffic.recorder.losing(.redis, since: past) { try await stage.goBack(older) }
            await late
            await traffic.run()
            for _ in 1...2 {
                try await traffic.heal(through: daemon)
                await traffic.askAgain(try await stage.world.tables())
            }
            try await traffic.expectBalance(
                through: daemon, clockSkewMilliseconds: stage.clockSkewMilliseconds)
            for case .refused(let failure) in traffic.failures where failure.code == .unavailable {
                #expect(failure.retryAfterMilliseconds ?? 0 > 0, "\(failure)")
            }
            #expect(try await daemon.stop() == .code(0))
        }
    }
}

/// A master that daemons reach by a link, and its replica. The world's own Redis is the one that serves in
/// the end.
private struct Stage {
    let rollback: FaultTests.RedisRollbackTests.Rollback
    /// Nil if both servers have the callers' time.
    let clockSkewMilliseconds: Int64?
    let world: World
    let master: RedisServer
    let replica: RedisServer
    let name: String
    let emptyLog: String

    init(_ rollback: FaultTests.RedisRollbackTests.Rollback) async throws {
        self.rollback = rollback
        let isSlower = rollback == .laggingReplicaWithASlowerClockPromoted
        clockSkewMilliseconds = isSlower ? 6_000 : nil
        world = try await World(clockBehindBy: isSlower ? 5 : nil)
        let other = try await RedisServer()
        let isReplaced = isSlower || rollback == .laggingReplicaPromoted
        (master, replica) = isReplaced ? (other, world.redis) : (world.redis, other)
        emptyLog = try master.copyLog()
        name = world.folder.file("redis")
        try pointLink(name, to: master.socket)
        try await replica.follow(master)
        if isSlower {
            let times = (try await master.seconds(), try await replica.seconds())
            #expect((3...6).contains(times.0 - times.1), "its clock is behind")
        }
    }

    /// Keeps the state to go back to.
    /// - Returns: the log with which a restarted master starts.
    func remember() async throws -> String {
        try await replica.cli("REPLICAOF", "NO", "ONE")
        return rollback == .olderLogRestored ? try master.copyLog() : emptyLog
    }

    func goBack(_ log: String) async throws {
        switch rollback {
        case .flushed: try await master.cli("FLUSHALL")
        case .restartedEmpty, .olderLogRestored:
            try await master.kill()
            try master.bringBack(log)
            try await master.restart()
        case .replicaOfAnOlderOneAndBack:
            try await master.follow(replica)
            try await master.cli("REPLICAOF", "NO", "ONE")
        case .laggingReplicaPromoted, .laggingReplicaWithASlowerClockPromoted:
            try await master.kill()
            try pointLink(name, to: replica.socket)
        }
    }
}

extension RedisServer {
    /// The time by the server's clock.
    fileprivate func seconds() async throws -> Int {
        let time = try await cli("TIME").split(whereSeparator: \.isWhitespace)
        return try #require(time.first.flatMap { Int($0) })
    }

    /// Becomes a replica, and waits until it has caught up.
    fileprivate func follow(_ master: RedisServer) async throws {
        try await master.cli("CONFIG", "SET", "repl-diskless-sync-delay", "0")
        try await cli("REPLICAOF", "127.0.0.1", "\(master.port)")
        try await eventually("the replica is online") {
            try await cli("INFO", "replication").contains("master_link_status:up")
        }
    }
}
