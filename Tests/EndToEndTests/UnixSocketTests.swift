/// Unix sockets for callers, and several listeners.
import CouponClient
import CouponCore
import Foundation
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(3))) struct UnixSocketTests {
    private let world: World
    private let path: String

    init() async throws {
        world = try await World()
        path = world.folder.file("callers.sock")
    }

    private func attributes() throws -> (mode: Int?, group: String?) {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return (
            attributes[.posixPermissions] as? Int,
            attributes[.groupOwnerAccountName] as? String
        )
    }

    /// A client that has been answered.
    private func client() async throws -> CouponClient {
        let client = CouponClient(address: .unix(path: path), configuration: .patient)
        try await eventually("coupond answers at \(path)") { try await client.health() == nil }
        return client
    }

    @Test func `two daemons that start at once look at the path one after the other`()
        async throws
    {
        let folder = unsafe open(world.folder.path, O_RDONLY)
        defer { close(folder) }
        #expect(flock(folder, LOCK_EX) == 0)
        let first = try Daemon(world, ["--listen", "unix:\(path)"])
        // The daemon has got as far as its listener, because it owns partitions.
        try await first.process.logs("partitions reassigned")
        #expect(!FileManager.default.fileExists(atPath: path))
        #expect(flock(folder, LOCK_UN) == 0)
        let client = try await client()
        let second = try Daemon(world, ["--listen", "unix:\(path)"])
        #expect(try await second.process.waitForEnd() == .code(69))
        #expect(second.process.logText.contains("another process listens there"))
        await client.close()
        #expect(try await first.stop() == .code(0))
    }

    @Test func `Swift, couponctl and Python issue through a unix socket and beside it by TCP`()
        async throws
    {
        let ports = [try freePort(), try freePort()]
        let daemon = try Daemon(
            world,
            [
                "--listen", "unix:\(path)", "--listen", "127.0.0.1:\(ports[0])",
                "--listen", "127.0.0.1:\(ports[1])", "--unix-socket-mode", "0606",
                "--unix-socket-group", "daemon",
            ])
        let client = try await client()
        #expect(try attributes() == (0o606, geteuid() == 0 ? "daemon" : attributes().group))
        _ = try await client.create(.offer(1, total: 10))
        var request = IssueRequest(coupon: CouponID(1), user: UserID(1), waitFor: .issued)
        guard case .issued = try await client.issue(request) else {
            Testing.Issue.record("not issued")
            return
        }
        let issue = ["issue", "--coupon", "1", "--user"]
        let run = try await CommandRun(
            builtExecutable("couponctl"), issue + ["2", "--address", "unix:\(path)"])
        #expect(run.end == .code(0), "\(run.text)")
        let python = try await pythonClient(issue + ["3"], at: "unix:\(path)")
        #expect(python.end == .code(0), "\(python.text)")
        for (user, port) in zip([4, 5], ports) {
            request.user = UserID(Int64(user))
            let other = CouponClient(
                address: ServerAddress(host: "127.0.0.1", port: Int(port)), configuration: .patient)
            guard case .issued = try await other.issue(request) else {
                Testing.Issue.record("not issued at \(port)")
                return
            }
            await other.close()
        }
        #expect(try world.issued == 5)
        await client.close()
        #expect(try await daemon.stop() == .code(0))
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func `a socket that a dead daemon left is replaced, anything else is an error`()
        async throws
    {
        let listen = ["--listen", "unix:\(path)"]
        let first = try Daemon(world, listen)
        let client = try await client()
        #expect(try attributes().mode == 0o660)
        let second = try Daemon(world, listen)
        #expect(try await second.process.waitForEnd() == .code(69))
        #expect(
            second.process.logText.contains(
                "cannot listen at unix:\(path) (listen): another process listens there"))
        #expect(try await client.health() == nil)
        try await first.kill()
        #expect(FileManager.default.fileExists(atPath: path))
        let third = try Daemon(world, listen)
        let again = try await self.client()
        #expect(try await third.stop() == .code(0))
        await again.close()
        await client.close()
        _ = try world.folder.write("precious", to: "callers.sock")
        let fourth = try Daemon(world, listen)
        #expect(try await fourth.process.waitForEnd() == .code(69))
        #expect(
            fourth.process.logText.contains("there is a file that is not a socket: remove it"))
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "precious")
    }

    @Test func `a daemon that cannot listen at every address listens at none`() async throws {
        let taken = try await world.daemon()
        let daemon = try Daemon(
            world, ["--listen", "unix:\(path)", "--listen", "127.0.0.1:\(taken.port)"])
        #expect(try await daemon.process.waitForEnd() == .code(69))
        #expect(!FileManager.default.fileExists(atPath: path))
        let missing = try Daemon(world, ["--listen", "unix:/no/such/folder/c.sock"])
        #expect(try await missing.process.waitForEnd() == .code(69))
        #expect(missing.process.logText.contains("(listen): "))
    }

    @Test func `with reuse-port several daemons share a port`() async throws {
        let port = try freePort()
        let listen = ["--listen", "127.0.0.1:\(port)"]
        let first = try Daemon(world, listen + ["--reuse-port"])
        let client = CouponClient(
            address: ServerAddress(host: "127.0.0.1", port: Int(port)), configuration: .patient)
        try await eventually("it answers") { try await client.health() == nil }
        let second = try Daemon(world, listen + ["--reuse-port"])
        try await second.process.logs("\"message\":\"listening\"")
        let third = try Daemon(world, listen)
        #expect(try await third.process.waitForEnd() == .code(69))
        #expect(try await first.stop() == .code(0))
        #expect(try await second.stop() == .code(0))
        await client.close()
    }

    @Test func `beyond this machine a daemon without protection does not start`() async throws {
        let daemon = try Daemon(world, ["--listen", "0.0.0.0:0"])
        #expect(try await daemon.process.waitForEnd() == .code(78))
        let log = daemon.process.logText
        #expect(
            log.contains(
                "--listen: listen has 0.0.0.0:0, which is beyond this machine, without TLS: "
                    + "set tls-certificate and tls-key, or allow-plaintext = true"), "\(log)")
        #expect(log.contains("allow-anonymous-callers = true"))
    }

    @Test func `a TLS file that does not fit is a mistake in the configuration`() async throws {
        let certificates = try await Certificates(in: world.folder)
        let (one, two) = (
            try await certificates.make("one"), try await certificates.make("two")
        )
        let text = try world.folder.write("nothing", to: "nothing")
        for (flags, reason) in [
            (
                ["--tls-certificate", one.certificate, "--tls-key", two.key],
                "--tls-key: tls-key: the key does not belong to the certificate"
            ),
            (
                ["--tls-certificate", text, "--tls-key", two.key],
                "--tls-certificate: tls-certificate: the file has no certificate in PEM form"
            ),
            (
                ["--tls-certificate", one.certificate, "--tls-key", text],
                "--tls-key: tls-key: the file has no private key in PEM form"
            ),
            (
                one.flags + ["--tls-client-ca", text],
                "--tls-client-ca: tls-client-ca: the file has no certificate in PEM form"
            ),
            (
                ["--tls-certificate", "/no/such", "--tls-key", one.key],
                "tls-certificate: /no/such cannot be read: No such file or directory"
            ),
        ] {
            let run = try await CommandRun(builtExecutable("coupond"), ["--check-config"] + flags)
            #expect(run.end == .code(78) && run.text.contains(reason), "\(run.text)")
        }
        let good = try await CommandRun(
            builtExecutable("coupond"),
            ["--check-config"] + one.flags + ["--tls-client-ca", certificates.authority])
        #expect(good.end == .code(0), "\(good.text)")
    }
}
