/// More callers than the daemon has descriptors for.
import CouponClient
import CouponCore
import CouponWire
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(3))) struct DescriptorLimitTests {
    /// A test's daemon has two event loops.
    private let reserve = Limits.reservedDescriptors(eventLoops: 2)

    @Test func `the daemon reconnects to Redis and PostgreSQL while it has all callers it admits`()
        async throws
    {
        let world = try await World(ownPostgres: true)
        let limit = reserve + 30
        let daemon = try Daemon(world, startedBy: ["prlimit", "--nofile=\(limit):\(limit)"])
        try await daemon.ready()
        try await daemon.process.logs("max-connections needs a higher limit of open files")
        let crowd = try (1...400).map { _ in try PlainSocket(port: daemon.port) }
        let answers = crowd.map { caller in try? caller.healthOrRefusal() }
        let callers = zip(crowd, answers).filter { $1 == .health(notReady: nil) }.map(\.0)
        #expect(callers.count == 29, "the test's own client is another one")
        #expect(answers.contains(.failure(.exhausted("too many connections"))))
        try await world.redis.kill()
        try await world.postgres.kill()
        try await eventually("the daemon notices the outage") {
            try await daemon.client.health() != nil
        }
        try await world.redis.restart()
        try await world.postgres.start()
        try await daemon.ready()
        for caller in callers { try caller.checkAlive() }
        _ = try await daemon.client.create(.offer(1, total: 1))
        #expect(try await daemon.win(CouponID(1), 1) == 1)
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `with TLS the daemon reconnects to Redis while it has all callers it admits`()
        async throws
    {
        let world = try await World(certificates: try await BackendCertificates())
        let reserve = Limits.reservedDescriptors(eventLoops: 2, usesTLS: true)
        let limit = reserve + 30
        let daemon = try Daemon(world, startedBy: ["prlimit", "--nofile=\(limit):\(limit)"])
        try await daemon.ready()
        let crowd = try (1...400).map { _ in try PlainSocket(port: daemon.port) }
        let answers = crowd.map { caller in try? caller.healthOrRefusal() }
        let callers = zip(crowd, answers).filter { $1 == .health(notReady: nil) }.map(\.0)
        #expect(callers.count == 29, "the test's own client is another one")
        try await world.redis.kill()
        try await eventually("the daemon notices the outage") {
            try await daemon.client.health() != nil
        }
        try await world.redis.restart()
        try await daemon.ready()
        for caller in callers { try caller.checkAlive() }
        let coupon = try await daemon.offer(total: 1)
        #expect(try await daemon.win(coupon, 1) == 1)
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `a daemon without a descriptor for a single caller does not start`() async throws {
        let world = try await World()
        let daemon = try Daemon(world, startedBy: ["prlimit", "--nofile=\(reserve):\(reserve)"])
        #expect(try await daemon.process.waitForEnd() == .code(78))
        #expect(daemon.process.logText.contains("raise LimitNOFILE"))
    }

    @Test func `a listener without free descriptors waits, logs it once, and recovers`()
        async throws
    {
        let world = try await World()
        let port = Int(try freePort())
        let daemon = try await world.daemon(["--metrics-listen", "127.0.0.1:\(port)"])
        try await setFileLimit("8", of: daemon)
        let late = try PlainSocket(port: daemon.port)
        try await daemon.process.logs("connections cannot be accepted")
        try await setFileLimit("1000", of: daemon)
        try late.checkAlive()
        try await daemon.process.logs("connections are accepted again")
        let metrics = try httpGet("/metrics", port: port)
        let count = try #require(metrics.firstMatch(of: /coupond_accept_failures_total (\d+)\n/))
        let failures = try #require(Int(count.1))
        #expect((1..<100).contains(failures), "the listener must wait between failures")
        let lines = daemon.process.logText.split(separator: "\n")
        #expect(lines.count { $0.contains("connections cannot be accepted") } == 1)
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `only a few metrics connections are served at once`() async throws {
        let world = try await World()
        let port = Int(try freePort())
        let daemon = try await world.daemon(["--metrics-listen", "127.0.0.1:\(port)"])
        var watchers = try (0..<Limits.observationConnections).map { _ in
            try PlainSocket(port: port)
        }
        #expect(try PlainSocket(port: port).read(1) == nil)
        #expect(try httpGet("/livez", over: watchers.removeLast()).hasSuffix("alive\n"))
        try await eventually("there is room again") {
            try httpGet("/livez", port: port).hasSuffix("alive\n")
        }
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `a daemon that loses a listener ends`() async throws {
        let world = try await World()
        let daemon = try await world.daemon()
        let loss = try await CommandRun(
            "python3", ["-c", listenerLoss, "\(daemon.process.pid)", "\(daemon.port)"])
        // The test is skipped if a process may not copy the descriptors of another one.
        guard loss.end != .code(77) else { return }
        #expect(loss.end == .code(0), "\(loss.text)")
        #expect(try await daemon.process.waitForEnd() == .code(70))
        let log = daemon.process.logText
        #expect(log.contains("a listening socket was lost") && log.contains("draining"))
    }

    /// Changes the soft limit of a running daemon.
    private func setFileLimit(_ limit: String, of daemon: Daemon) async throws {
        let change = try await CommandRun(
            "prlimit", ["--pid", "\(daemon.process.pid)", "--nofile=\(limit):"])
        #expect(change.end == .code(0), "\(change.text)")
    }
}

/// Copies one of a process's listening sockets and shuts it down.
private let listenerLoss = """
    import ctypes, os, socket, sys
    pid, port = int(sys.argv[1]), int(sys.argv[2])
    rows = [line.split() for line in open("/proc/net/tcp").readlines()[1:]]
    listening = {"socket:[%s]" % row[9] for row in rows
                 if row[3] == "0A" and int(row[1].split(":")[1], 16) == port}
    folder = "/proc/%d/fd/" % pid
    number = next(int(fd) for fd in os.listdir(folder) if os.readlink(folder + fd) in listening)
    pidfd_getfd = 438
    copy = ctypes.CDLL(None).syscall(pidfd_getfd, os.pidfd_open(pid), number, 0)
    if copy < 0:
        sys.exit(77)
    socket.socket(fileno=copy).shutdown(socket.SHUT_RDWR)
    """

extension PlainSocket {
    /// The answer to a health request, or the refusal of the connection.
    fileprivate func healthOrRefusal() throws -> Response.Result? {
        try send(Request(id: 1, method: .health))
        return try response()?.result
    }
}
