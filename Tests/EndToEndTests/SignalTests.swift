/// Signals at any moment.
import CouponClient
import CouponCore
import Foundation
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(3))) struct SignalTests {
    private static let meaningless = [
        SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGPIPE,
        SIGXFSZ,
    ]

    @Test func `a daemon that waits for its servers ignores most signals and ends on SIGTERM`()
        async throws
    {
        let world = try await World()
        try await world.redis.kill()
        let daemon = try await waiting(world)
        for number in Self.meaningless + [SIGHUP] { daemon.process.signal(number) }
        try await Task.sleep(for: .milliseconds(100))
        #expect(daemon.process.isRunning)
        daemon.process.signal(SIGTERM)
        #expect(try await daemon.process.waitForEnd() == .code(0))
        #expect(daemon.process.logText.contains("stopped before it served"))
    }

    @Test func `a SIGHUP while the daemon waits for its servers is remembered`() async throws {
        let world = try await World()
        let file = try world.folder.write("an old admin token\n", to: "token")
        try await world.redis.kill()
        let daemon = try await waiting(world, ["--admin-token-file", file])
        _ = try world.folder.write("a new admin token\n", to: "token")
        daemon.process.signal(SIGHUP)
        try await world.redis.restart()
        try await daemon.ready()
        var configuration = ClientConfiguration.patient
        configuration.token = Array("a new admin token".utf8)
        let admin = CouponClient(address: daemon.client.address, configuration: configuration)
        try await eventually("the new token is valid") {
            // An earlier try may have been answered too late.
            [nil, .alreadyExists].contains(
                try await refusal { try await admin.create(.offer(1, total: 1)) })
        }
        await admin.close()
        for number in Self.meaningless { daemon.process.signal(number) }
        #expect(try await daemon.win(CouponID(1), 1) == 1)
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `as process 1 the daemon reaps orphaned processes, and ends on SIGTERM`()
        async throws
    {
        let world = try await World()
        let daemon = try Daemon(
            world, startedBy: ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"])
        try await daemon.ready()
        // A process of the container: its parent is gone when it ends.
        func children(of process: Int32) throws -> [Int32] {
            try String(contentsOfFile: "/proc/\(process)/task/\(process)/children", encoding: .utf8)
                .split(separator: " ").compactMap { Int32($0) }
        }
        let first = try #require(try children(of: daemon.process.pid).first)
        let left = try await CommandRun(
            "nsenter", ["--target", "\(first)", "--pid", "--mount", "sh", "-c", "sleep 0.2 &"])
        #expect(left.end == .code(0), "\(left.text)")
        try await eventually("nothing is left of it") { try children(of: first).isEmpty }
        #expect(kill(first, SIGTERM) == 0)
        #expect(try await daemon.process.waitForEnd() == .code(0))
    }

    private static let asProcessOne = [
        "unshare", "--pid", "--fork", "--kill-child", "--mount-proc",
    ]

    /// The process 1 that `unshare` has started.
    private func first(of process: Int32) async throws -> Int32 {
        var first: Int32?
        try await eventually("there is a process 1") {
            let path = "/proc/\(process)/task/\(process)/children"
            first = try String(contentsOfFile: path, encoding: .utf8).split(separator: " ")
                .compactMap { Int32($0) }.first
            return first != nil
        }
        return try #require(first)
    }

    @Test func `as process 1 a daemon that waits for its servers ends on SIGTERM`() async throws {
        let world = try await World()
        try await world.redis.kill()
        let daemon = try Daemon(world, startedBy: Self.asProcessOne)
        try await daemon.process.logs("waiting for Redis or PostgreSQL")
        #expect(try await kill(first(of: daemon.process.pid), SIGTERM) == 0)
        #expect(try await daemon.process.waitForEnd() == .code(0))
        #expect(daemon.process.logText.contains("stopped before it served"))
    }

    @Test(arguments: [
        ["coupond", "migrate"], ["coupond", "--check-config=connect"],
        ["couponctl", "watch", "--coupon", "1"],
    ])
    func `as process 1 other commands end on SIGTERM`(command: [String]) async throws {
        // A listener that accepts connections, and answers nothing.
        let port = Int(try freePort())
        let listener = try ListeningSocket(port: port)
        let options =
            command[0] == "couponctl"
            ? ["--address", "127.0.0.1:\(port)"]
            : ["--postgres", "host=127.0.0.1 port=\(port)", "--redis", "127.0.0.1:\(port)"]
        let folder = try TemporaryFolder()
        let process = try ServerProcess(
            Self.asProcessOne[0],
            arguments: Self.asProcessOne.dropFirst() + [builtExecutable(command[0])]
                + command.dropFirst() + options, in: folder.path)
        try await eventually("it asks") {
            var target = pollfd(fd: listener.descriptor, events: Int16(POLLIN), revents: 0)
            return unsafe poll(&target, 1, 0) == 1
        }
        #expect(try await kill(first(of: process.pid), SIGTERM) == 0)
        let end = try await process.waitForEnd()
        #expect(end == .code(128 + SIGTERM), "\(end)")
    }

    /// A daemon that cannot reach Redis.
    private func waiting(_ world: World, _ arguments: [String] = []) async throws -> Daemon {
        let daemon = try Daemon(world, arguments)
        try await daemon.process.logs("waiting for Redis or PostgreSQL")
        return daemon
    }
}
