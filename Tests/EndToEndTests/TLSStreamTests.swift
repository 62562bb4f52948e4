/// What holds for a connection without TLS holds for one with it: back pressure, half closure, drain.
import CouponClient
import CouponCore
import CouponWire
import Foundation
import NIOCore
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(2))) struct TLSStreamTests {
    private let world: World
    private let certificates: Certificates
    private let server: Certificates.Pair

    init() async throws {
        world = try await World()
        certificates = try await Certificates(in: world.folder)
        server = try await certificates.make("server")
    }

    /// Sends all bytes of a file, closes its sending side (that of TLS, or only that of the socket), and
    /// writes what it reads.
    private static let halfCloser = """
        import socket, ssl, sys
        port, ca, requests, answers, way = sys.argv[1:]
        context = ssl.create_default_context(cafile=ca)
        plain = socket.create_connection(("127.0.0.1", int(port)), 30)
        received, sending = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(received, sending, server_hostname="localhost")

        def push():
            if sending.pending:
                plain.sendall(sending.read())

        def repeat(step):
            while True:
                try:
                    result = step()
                    push()
                    return result
                except ssl.SSLWantReadError:
                    push()
                    part = plain.recv(65536)
                    received.write(part) if part else received.write_eof()

        repeat(tls.do_handshake)
        data = open(requests, "rb").read()
        repeat(lambda: tls.write(data))
        if way == "tls":
            try:
                tls.unwrap()
            except ssl.SSLWantReadError:
                pass
            push()
        plain.shutdown(socket.SHUT_WR)
        with open(answers, "wb") as file:
            while True:
                try:
                    part = repeat(lambda: tls.read(65536))
                except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                    break
                if not part:
                    break
                file.write(part)
        """

    @Test(arguments: ["tls", "socket"], [1, 3_000])
    func `a client that has closed its sending side still gets its answers`(
        _ way: String, _ count: UInt64
    ) async throws {
        let daemon = try Daemon(world, server.flags, tls: certificates.client())
        try await daemon.ready()
        _ = try await daemon.client.create(.offer(1, total: nil))
        let frames = try (1...count).flatMap { id in
            try Request(
                id: id, deadlineMilliseconds: 60_000,
                method: .issue(
                    IssueRequest(
                        coupon: CouponID(1), user: UserID(Int64(id)), waitFor: .issued))
            ).frame()
        }
        let (requests, answers) = (world.folder.file("requests"), world.folder.file("answers"))
        try Data(frames).write(to: URL(filePath: requests))
        let run = try await CommandRun(
            "/usr/bin/python3",
            [
                "-c", Self.halfCloser, "\(daemon.port)", certificates.authority, requests, answers,
                way,
            ])
        #expect(run.end == .code(0), "\(run.text)")
        var rest = [UInt8](try Data(contentsOf: URL(filePath: answers)))[...]
        var answered = 0
        while rest.count >= 4 {
            let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(4 + length)
            answered += 1
        }
        #expect(answered == count && rest.isEmpty)
        #expect(try world.issued == count)
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `callers who wait for ISSUED are answered while the daemon drains`() async throws {
        let daemon = try Daemon(
            world, server.flags + ["--drain-timeout", "60s"], tls: certificates.client())
        try await daemon.ready()
        var configuration = ClientConfiguration.patient
        configuration.tls = certificates.client()
        let client = CouponClient(address: daemon.client.address, configuration: configuration)
        _ = try await client.create(.offer(1, total: 20))
        let lock = try await world.lock(CouponID(1))
        async let outcomes = withTaskGroup { group in
            for user in 1...20 {
                group.addTask {
                    let request = IssueRequest(
                        coupon: CouponID(1), user: UserID(Int64(user)), waitFor: .issued)
                    return await client.answer(to: request, within: .seconds(30))
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        try await eventually("all are accepted") {
            try await daemon.client.status(of: CouponID(1)).accepted == 20
        }
        daemon.process.signal(SIGTERM)
        try await daemon.process.logs("draining")
        try await lock.release()
        for outcome in await outcomes {
            guard case .success(.issued) = outcome else {
                Testing.Issue.record("got \(outcome)")
                continue
            }
        }
        #expect(try await daemon.process.waitForEnd() == .code(0))
        #expect(try world.issued == 20)
    }
}
