/// What the daemon and systemd say to each other at a start, a reload and a drain, and what the unit allows.
import CouponClient
import CouponCore
import Foundation
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(3))) struct ServiceTests {
    @Test func `coupond reload shows the result of a reload`() async throws {
        let world = try await World()
        let file = try world.folder.write("the old admin token\n", to: "token")
        let runtime = ["RUNTIME_DIRECTORY": try world.folder.makeFolder("run")]
        let daemon = try Daemon(world, ["--admin-token-file", file], environment: runtime)
        try await daemon.ready()
        func reload(
            _ process: Int32, _ environment: [String: String]
        ) async throws -> CommandRun {
            try await CommandRun(
                builtExecutable("coupond"), ["reload", "\(process)"], environment: environment)
        }
        let pid = daemon.process.pid
        for _ in 1...2 {
            let good = try await reload(pid, runtime)
            #expect(good.end == .code(0) && good.text == "reloaded", "\(good.text)")
        }
        try FileManager.default.removeItem(atPath: file)
        let bad = try await reload(pid, runtime)
        #expect(bad.end == .code(1))
        #expect(bad.text.hasPrefix("the reload failed: admin-token-file: "), "\(bad.text)")
        #expect(bad.text.hasSuffix("the old token stays valid"))
        _ = try world.folder.write("the new admin token\n", to: "token")
        #expect(try await reload(pid, runtime).end == .code(0))
        let other = try await reload(pid + 1_000_000, runtime)
        #expect(other.end == .code(69) && other.text.contains("is not a coupond of this service"))
        #expect(try await reload(pid, [:]).end == .code(64))
        try FileManager.default.removeItem(atPath: world.folder.file("run"))
        daemon.process.signal(SIGHUP)
        try await daemon.process.logs("the result of a reload cannot be written")
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `a start that waits for its servers gets more time, and says what it waits for`()
        async throws
    {
        let world = try await World()
        try await world.redis.kill()
        let systemd = try NotifySocket(world.folder.file("notify"))
        let daemon = try Daemon(
            world, environment: ["NOTIFY_SOCKET": world.folder.file("notify")])
        var message = ""
        try await eventually("it reports") {
            message = systemd.receive(status: true)
            return message.contains("Redis or PostgreSQL: ")
        }
        #expect(message.hasPrefix("STATUS=starting; waiting for Redis or PostgreSQL: "))
        #expect(message.hasSuffix("\nEXTEND_TIMEOUT_USEC=30000000"))
        try await world.redis.restart()
        try await eventually("it is ready") {
            systemd.receive().hasPrefix("READY=1\nSTATUS=listening on ")
        }
        daemon.process.signal(SIGTERM)
        try await eventually("it drains") { systemd.receive().hasPrefix("STOPPING=1\n") }
        try await eventually("the drain gets more time") {
            systemd.receive(status: true)
                == "STATUS=draining; 0 requests in flight\nEXTEND_TIMEOUT_USEC=30000000"
        }
        #expect(try await daemon.process.waitForEnd() == .code(0))
    }

    @Test func `systemd gets READY after five seconds at the latest, even while gates are closed`()
        async throws
    {
        let world = try await World()
        // No gate can get its epoch.
        let lock = try await world.hold("SELECT id FROM coupond.partition FOR UPDATE")
        let systemd = try NotifySocket(world.folder.file("notify"))
        let daemon = try Daemon(
            world, environment: ["NOTIFY_SOCKET": world.folder.file("notify")])
        try await eventually("it says that it listens") {
            systemd.receive().hasPrefix("READY=1\nSTATUS=listening on ")
        }
        try await daemon.process.logs("\"event\":\"listening-early\"")
        let reason = try await daemon.client.health()
        #expect(reason?.contains("partitions have no open gate") == true, "\(reason ?? "")")
        var line = ""
        try await eventually("the status line names the reason; it is \(line)") {
            line = systemd.receive(status: true)
            return line.contains("; not ready: ")
        }
        try await lock.release()
        try await daemon.ready()
        #expect(try await daemon.stop() == .code(0))
    }

    private func text(_ path: String) throws -> String {
        try String(contentsOfFile: repositoryRoot + "/systemd/" + path, encoding: .utf8)
    }

    @Test func `the recipe for credentials hands over every secret, to settings that exist`()
        async throws
    {
        let page = try text("README.md")
        let loaded = page.matches(of: /LoadCredential=([a-z-]+):\/etc\/coupond\/\S+\n/)
            .map { String($0.1) }
        let folder = try TemporaryFolder()
        let pair = try await Certificates(in: folder).make("own")
        let key = try String(contentsOfFile: pair.key, encoding: .utf8)
        for name in loaded {
            let text = name.hasSuffix("key") ? key : "a secret of the test\n"
            _ = try folder.write(name == "callers" ? "anonymous roles=reader\n" : text, to: name)
        }
        for name in ["db-ca.pem", "postgres-client.pem"] { _ = try folder.write(key, to: name) }
        var (environment, used): ([String: String], [String]) = ([:], [])
        // A backslash continues a line of a unit.
        let lines = page.replacing(/\\\n */, with: "")
        for match in lines.matches(of: /Environment="?(COUPOND_[A-Z_]+)=([^"\n]+)"?\n/) {
            used += match.2.matches(of: /%d\/([a-z-]+)/).map { String($0.1) }
            environment[String(match.1)] = String(match.2).replacing("%d", with: folder.path)
                .replacing("/etc/coupond", with: folder.path)
        }
        #expect(loaded.sorted() == used.sorted())
        // Keys need their certificates, which are not secrets.
        let others = [
            "COUPOND_TLS_CERTIFICATE": pair.certificate, "COUPOND_REDIS_TLS": "true",
            "COUPOND_REDIS_TLS_CERTIFICATE": pair.certificate,
        ]
        let run = try await CommandRun(
            builtExecutable("coupond"), ["--print-config"],
            environment: environment.merging(others) { one, _ in one })
        #expect(run.end == .code(0), "\(run.text)")
        let settings = run.text.split(separator: "\n").compactMap { line -> (String, String)? in
            guard let equals = line.firstRange(of: " ="), !line.hasPrefix("#") else { return nil }
            let value = line[equals.upperBound...].trimmingCharacters(in: .whitespaces)
            return (String(line[..<equals.lowerBound]), value)
        }
        for (name, value) in settings {
            let variable = "COUPOND_" + name.uppercased().replacing("-", with: "_")
            guard others[variable] == nil else { continue }
            let isSecret = name.hasSuffix("-file") || name.hasSuffix("-key") || name == "postgres"
            #expect(isSecret == (environment[variable] != nil), "\(name)")
            if let wanted = environment.removeValue(forKey: variable) {
                #expect(value == wanted, "\(name)")
            }
        }
        #expect(environment.isEmpty, "these are not settings")
    }

    @Test func `a daemon uses secrets from files as systemd makes credentials`() async throws {
        let world = try await World()
        let certificates = try await Certificates(in: world.folder)
        let server = try await certificates.make("server")
        let folder = try world.folder.makeFolder("credentials")
        let secrets = [
            "admin-token": "the token of an admin\n", "postgres-password": "unused\n",
            "callers": CallersWorld.line("shop", "roles=issuer") + "\n",
            "tls-key": try String(contentsOfFile: server.key, encoding: .utf8),
        ]
        for (name, text) in secrets {
            try text.write(toFile: folder + "/" + name, atomically: false, encoding: .utf8)
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o400], ofItemAtPath: folder + "/" + name)
        }
        try FileManager.default.setAttributes([.posixPermissions: 0o500], ofItemAtPath: folder)
        let daemon = try Daemon(
            world,
            [
                "--admin-token-file", folder + "/admin-token",
                "--callers-file", folder + "/callers",
                "--postgres-password-file", folder + "/postgres-password",
                "--tls-certificate", server.certificate, "--tls-key", folder + "/tls-key",
            ], tls: certificates.client())
        try await daemon.ready()
        var configuration = ClientConfiguration.patient
        configuration.tls = certificates.client()
        (configuration.token, configuration.callerToken) = (
            Array("the token of an admin".utf8), Array("shop".utf8)
        )
        let client = CouponClient(address: daemon.client.address, configuration: configuration)
        _ = try await client.create(.offer(1, total: 5))
        let outcome = try await client.issue(
            IssueRequest(coupon: CouponID(1), user: UserID(1), waitFor: .issued))
        guard case .issued = outcome else { throw Unexpected(what: "\(outcome)") }
        try await client.reload()
        await client.close()
        // The test makes the file of Redis' password itself, and leaves it readable.
        let warnings = daemon.process.logText.split(separator: "\n").filter {
            $0.contains("can be read by every user")
        }
        let names = ["admin-token", "callers", "postgres-password", "tls-key"]
        #expect(!warnings.contains { line in names.contains { line.contains($0) } })
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `the page names the unit's bounds as they are, and open files suffice for callers`()
        throws
    {
        let (page, unit) = (try text("README.md"), try text("coupond.service"))
        let from = try #require(page.firstRange(of: "## What the unit allows")).upperBound
        let end = page[from...].firstRange(of: "\n## ")?.lowerBound ?? page.endIndex
        let rows = page[from..<end].split(separator: "\n").filter { $0.hasPrefix("| `") }
        let named = rows.flatMap { row in
            row.split(separator: "|")[0].matches(of: /`([A-Za-z]+=[^`]*)`/).map { String($0.1) }
        }
        #expect(named.count >= 6)
        let lines = unit.split(separator: "\n")
        for name in named {
            #expect(
                lines.contains { name.hasSuffix("=") ? $0.hasPrefix(name) : $0 == name }, "\(name)")
        }
        // RestartPreventExitStatus= looks at the main process only.
        #expect(!unit.contains("\nExecStartPre="), "a wrong file would be tried again each second")
        // systemd bounds ExecReload= by it, too.
        let start = try #require(unit.firstMatch(of: /\nTimeoutStartSec=(\d+)s\n/)).1
        #expect(Limits.reloadSeconds < Int(start) ?? 0)
        let files = try #require(unit.firstMatch(of: /\nLimitNOFILE=(\d+)\n/)).1
        let configuration = try text("coupond.conf")
        let callers = try #require(configuration.firstMatch(of: /\n#? ?max-connections = (\d+)\n/))
            .1
        #expect(Int(files) ?? 0 >= (Int(callers) ?? .max) + 1_000)
    }

    @Test(
        .enabled(
            if: FileManager.default.isExecutableFile(atPath: "/usr/bin/systemd-analyze"),
            "systemd-analyze is not installed"))
    func `systemd-analyze finds no mistake in the units, and hardly anything exposed`()
        async throws
    {
        let folder = try TemporaryFolder()
        let (root, units) = (folder.file("root"), folder.file("root/usr/lib/systemd/system"))
        let programs = URL(filePath: builtExecutable("coupond")).deletingLastPathComponent().path
        let install = try await CommandRun(
            repositoryRoot + "/Scripts/install", [programs, root, "/usr"],
            environment: ["PATH": "/usr/bin:/bin"])
        #expect(install.end == .code(0), "\(install.text)")
        func analyze(_ words: String) async throws -> CommandRun {
            try await CommandRun(
                "/bin/sh", ["-c", "systemd-analyze \(words)"],
                environment: ["SYSTEMD_LOG_LEVEL": "warning"])
        }
        // verify loads what the units need, too.
        for unit in [
            "sysinit.target", "basic.target", "shutdown.target", "sockets.target",
            "network-online.target", "multi-user.target", "system.slice", "-.slice",
        ] {
            let text = unit.hasSuffix(".slice") ? "[Slice]\n" : "[Unit]\nDescription=\(unit)\n"
            try text.write(toFile: units + "/" + unit, atomically: true, encoding: .utf8)
        }
        let verify = try await analyze(
            "verify --man=no --root=\(root) coupond.service coupond.socket")
        #expect(verify.end == .code(0) && verify.text.isEmpty, "\(verify.text)")
        let exposed =
            "security --no-pager --offline=true --root=\(root) coupond.service --threshold="
        let open = try await analyze(exposed + "10")
        #expect(open.end == .code(0), "\(open.text)")
        let dropIn = units + "/coupond.service.d"
        try FileManager.default.createDirectory(
            atPath: dropIn, withIntermediateDirectories: true)
        try FileManager.default.copyItem(
            atPath: root + "/usr/share/doc/coupond/examples/sealed.conf",
            toPath: dropIn + "/sealed.conf")
        let sealed = try await analyze(exposed + "3")
        #expect(sealed.end == .code(0), "\(sealed.text)")
        // The recipe for credentials, as it is in the page.
        let recipe = try text("README.md").split(separator: "\n")
            .drop { $0 != "## Secrets" }.drop { $0 != "    [Service]" }.prefix {
                $0.hasPrefix("    ")
            }
            .map { $0.dropFirst(4) }
        #expect(recipe.count { $0.hasPrefix("LoadCredential=") } >= 7)
        try recipe.joined(separator: "\n").appending("\n")
            .write(toFile: dropIn + "/secrets.conf", atomically: true, encoding: .utf8)
        let again = try await analyze(
            "verify --man=no --root=\(root) coupond.service coupond.socket")
        #expect(again.end == .code(0) && again.text.isEmpty, "\(again.text)")
    }
}
