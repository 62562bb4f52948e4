/// Connections whose packets are dropped: nothing closes them, and no kernel answers for the other side.
import CouponClient
import CouponCore
import Foundation
import NIOCore
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(3))) struct DroppedPacketTests {
    @Test(.enabled(if: SideNetwork.isPossible, "only root may make a network namespace"))
    func `servers whose packets are dropped are noticed within seconds and used again`()
        async throws
    {
        let network = try await SideNetwork()
        let rules = try TemporaryFolder()
        let hba = try rules.write(
            "local all all trust\nhost all all 10.0.0.0/8 trust\n", to: "pg_hba.conf")
        let postgres = try await PostgresServer([
            "listen_addresses=\(network.address)", "hba_file=\(hba)",
        ])
        let world = try await World(postgres: postgres)
        try await world.redis.cli("CONFIG", "SET", "bind", "127.0.0.1 \(network.address)")
        try await world.redis.cli("CONFIG", "SET", "protected-mode", "no")
        let path = world.folder.file("callers.sock")
        let name = world.database.split(separator: "=").last ?? ""
        let daemon = try Daemon(
            world, ["--listen", "unix:\(path)", "--event-loops", "1"],
            redis: "\(network.address):\(world.redis.port)",
            postgres: "host=\(network.address) user=\(LeastRights.role) dbname=\(name)",
            startedBy: network.starter)
        let client = CouponClient(address: .unix(path: path), configuration: .patient)
        try await eventually("it is ready") { try await client.health() == nil }
        _ = try await client.create(.offer(1, total: 5))
        func ask(_ user: Int64) async throws -> Outcome {
            try await client.issue(
                IssueRequest(coupon: CouponID(1), user: UserID(user), waitFor: .issued))
        }
        guard case .issued(sequence: 1, _) = try await ask(1) else {
            throw Unexpected(what: "user 1 was not issued")
        }
        try await network.drop()
        // The kernel's own probes would need eleven seconds.
        try await eventually("it is not ready", within: .seconds(10)) {
            try await client.health() != nil
        }
        // The one event loop has noticed it, so a call that begins now is known not to be accepted.
        let answer = await client.answer(
            to: IssueRequest(coupon: CouponID(1), user: UserID(2)), within: .seconds(5))
        guard case .failure(.refused(let failure)) = answer else {
            throw Unexpected(what: "\(answer)")
        }
        #expect(failure.acceptance == .notAccepted, "\(failure)")
        try await daemon.process.logs("session with PostgreSQL lost")
        try await network.deliver()
        try await eventually("it is ready again") { try await client.health() == nil }
        try await eventually("it issues again") {
            if case .issued = try await ask(2) { true } else { false }
        }
        await client.close()
        #expect(try await daemon.stop() == .code(0))
    }

    /// Each option that the docs promise, at each connection that the daemon has.
    @Test(.enabled(if: geteuid() == 0, "only root may look at another process's sockets"))
    func `every connection by TCP has the options that notice a lost peer`() async throws {
        let address = "127.78.\(Int.random(in: 1...254)).\(Int.random(in: 1...254))"
        let rules = try TemporaryFolder()
        let hba = try rules.write(
            "local all all trust\nhost all all 127.0.0.0/8 trust\n", to: "pg_hba.conf")
        let postgres = try await PostgresServer(["listen_addresses=\(address)", "hba_file=\(hba)"])
        let world = try await World(postgres: postgres)
        let name = world.database.split(separator: "=").last ?? ""
        let daemon = try Daemon(
            world, redis: "127.0.0.1:\(world.redis.port)",
            postgres: "host=\(address) user=\(LeastRights.role) dbname=\(name)")
        try await daemon.ready()
        let coupon = try await daemon.offer(total: 1)
        #expect(try await daemon.win(coupon, 1) == 1)
        let run = try await CommandRun("python3", ["-c", socketOptions, "\(daemon.process.pid)"])
        try #require(run.end == .code(0), "\(run.text)")
        // Whether keepalive is on, and its three settings.
        let wanted = [
            "\(world.redis.port)": "1 5 2 3", "5432": "1 5 2 3", "\(daemon.port)": "1 30 10 3",
        ]
        var counts: [String: Int] = [:]
        for line in run.text.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            let (own, peer) = (words[0], words[1])
            let options = words[2...5].joined(separator: " ")
            let port = wanted[own] == nil ? peer : own
            #expect(options == wanted[port], "\(line)")
            // Unanswered data: the kernel's own limit would be a quarter of an hour.
            if port == "5432" { #expect(words[6] == "10000", "\(line)") }
            counts[port, default: 0] += 1
        }
        // Two event loops, the issuing lane and others at Redis, more than one session, a client.
        #expect(counts["\(world.redis.port)", default: 0] >= 4, "\(run.text)")
        #expect(counts["5432", default: 0] >= 2, "\(run.text)")
        #expect(counts["\(daemon.port)", default: 0] >= 1, "\(run.text)")
        #expect(try await daemon.stop() == .code(0))
    }
}

/// Prints the ports and options of each connected socket by TCP of a process.
private let socketOptions = """
    import ctypes, os, socket, sys
    pid = int(sys.argv[1])
    folder = "/proc/%d/fd/" % pid
    handle = os.pidfd_open(pid)
    for number in os.listdir(folder):
        try:
            if not os.readlink(folder + number).startswith("socket:"):
                continue
        except OSError:
            continue
        copy = ctypes.CDLL(None).syscall(438, handle, int(number), 0)
        if copy < 0:
            continue
        one = socket.socket(fileno=copy)
        if one.family != socket.AF_INET or one.type != socket.SOCK_STREAM:
            continue
        try:
            own, peer = one.getsockname()[1], one.getpeername()[1]
        except OSError:
            continue
        tcp = [socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT]
        print(own, peer, one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
              *[one.getsockopt(socket.IPPROTO_TCP, name) for name in tcp])
    """
