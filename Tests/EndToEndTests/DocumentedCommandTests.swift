/// The commands in the documentation run as they are written there.
import CouponClient
import CouponCore
import Foundation
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.overloading), .timeLimit(.minutes(3))) struct DocumentedCommandTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// The commands in a page's examples that begin with `word`, without comments.
    private static func commands(in page: String, beginningWith word: String) throws -> [String] {
        let text = try String(contentsOf: root.appending(path: page), encoding: .utf8)
        return text.split(separator: "\n").compactMap { line in
            guard line.hasPrefix("    ") else { return nil }
            let example = line.drop { $0 == " " || $0 == "$" }
            guard example.hasPrefix(word + " ") || example == word else { return nil }
            let end = example.firstRange(of: " #")?.lowerBound ?? example.endIndex
            return example[..<end].trimmingCharacters(in: .whitespaces)
        }
    }

    /// Runs a command with couponctl in its path and the daemon at couponctl's default address.
    private func run(
        _ command: String, _ daemon: Daemon, configuration: String = "/nonexistent"
    ) async throws -> CommandRun {
        let folder = URL(filePath: builtExecutable("couponctl")).deletingLastPathComponent().path
        return try await CommandRun(
            "/bin/sh", ["-c", command],
            environment: [
                "COUPONCTL_ADDRESS": "127.0.0.1:\(daemon.port)", "PATH": "\(folder):/usr/bin:/bin",
                "XDG_CONFIG_HOME": configuration,
            ])
    }

    /// Exit codes 0 and 1 are answers; any other one means that the command could not run.
    private func expectAnswer(
        to command: String, _ daemon: Daemon, metricsPort: UInt16, configuration: String
    ) async throws {
        var end = ""
        if command.hasPrefix("couponctl watch") { end = " --looks 1" }
        if "\(command) ".hasPrefix("couponctl top ") {
            end = " --looks 1 --metrics-address 127.0.0.1:\(metricsPort)"
        }
        let run = try await run(
            "cd '\(configuration)' && \(command)\(end)", daemon, configuration: configuration)
        #expect(run.end == .code(0) || run.end == .code(1), "\(command): \(run.end), \(run.text)")
    }

    @Test(arguments: [
        ("docs/COUPONCTL.md", 15), ("docs/OPERATIONS.md", 1), ("docs/EVENTS.md", 1),
        ("docs/TOPOLOGY.md", 1),
    ])
    func `every example of couponctl in a page runs`(page: String, number: Int) async throws {
        let commands = try ["couponctl", "echo"].flatMap {
            try Self.commands(in: page, beginningWith: $0)
        }
        // The bench's larger examples take longer than a test may.
        let examples = commands.filter { !$0.contains("--coupon-total 200000") }
        #expect(examples.count >= number)
        let world = try await World()
        let metricsPort = try freePort()
        let daemon = try await world.daemon(["--metrics-listen", "127.0.0.1:\(metricsPort)"])
        // So that there is an event to watch.
        let coupon = CouponID(54_321)
        _ = try await daemon.client.create(.offer(coupon.rawValue, total: 1))
        _ = try await daemon.ask(coupon, 1, waitFor: .issued)
        for command in examples {
            try await expectAnswer(
                to: command, daemon, metricsPort: metricsPort, configuration: world.folder.path)
        }
    }

    @Test func `the README's walk-through runs`() async throws {
        let commands = try Self.commands(in: "README.md", beginningWith: "couponctl")
        #expect(commands.count >= 3)
        let world = try await World()
        let daemon = try await world.daemon()
        _ = try await daemon.client.create(.offer(1, total: 10_000))
        for command in commands {
            let run = try await run(command, daemon)
            #expect(run.end == .code(0) || run.text.contains("DUPLICATE"), "\(run.text)")
        }
    }

    @Test func `the recipe for TLS in docs/NETWORK.md works`() async throws {
        let page = try String(
            contentsOf: Self.root.appending(path: "docs/NETWORK.md"), encoding: .utf8)
        let from = try #require(page.firstRange(of: "\n## TLS\n")).upperBound
        let end = page[from...].firstRange(of: "\n##")?.lowerBound ?? page.endIndex
        let section = page[from..<end]
        let examples = section.split(separator: "\n").filter { $0.hasPrefix("    ") }
            .map { $0.trimmingCharacters(in: .whitespaces) }
        let (world, port) = (try await World(), try freePort())
        for command in examples where command.hasPrefix("openssl ") {
            let run = try await CommandRun(
                "/bin/sh", ["-c", "cd \(world.folder.path) && \(command)"])
            #expect(run.end == .code(0), "\(command): \(run.text)")
        }
        let settings = examples.filter { $0.contains(/^[a-z-]+ =/) }.joined(separator: "\n")
            .replacing("/etc/coupond", with: world.folder.path).replacing("7070", with: "\(port)")
        let file = try world.folder.write(settings, to: "coupond.conf")
        let daemon = try Daemon(world, ["--listen", "0.0.0.0:\(port)", "--config", file])
        let call = try #require(examples.first { $0.hasPrefix("couponctl ") })
            .replacing("7070", with: "\(port)")
        try await eventually("the caller is served; the log:\n\(daemon.process.logTail())") {
            let run = try await self.run("cd \(world.folder.path) && \(call)", daemon)
            return run.end == .code(0)
        }
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `what an early version kept beside its queues is removed as the page says`()
        async throws
    {
        let command = try #require(
            try Self.commands(in: "docs/UPGRADE.md", beginningWith: "redis-cli").first)
        let world = try await World()
        let daemon = try await world.daemon()
        _ = try await daemon.client.create(.offer(1, total: 2))
        _ = try await daemon.ask(CouponID(1), 1, waitFor: .issued)
        #expect(try await daemon.stop() == .code(0))
        let redisCLI = "redis-cli -s '\(world.redis.socket)'"
        let run = try await CommandRun(
            "/bin/sh", ["-c", command.replacing("redis-cli", with: redisCLI)])
        #expect(run.end == .code(0), "\(run.text)")
        let keys = try await world.redis.cli("--scan").split(separator: "\n")
        #expect(keys.allSatisfy { $0.hasSuffix(":queue") }, "\(keys)")
        let next = try await world.daemon()
        let again = try await next.ask(CouponID(1), 1)
        #expect(again.kind == .duplicate)
        #expect(try await next.stop() == .code(0))
    }

    @Test(arguments: [
        "README.md", "CONTRIBUTING.md", "docs/TESTING.md", "docs/SIMULATOR.md",
        "docs/PERFORMANCE.md", "systemd/README.md",
    ])
    func `every make target that a page names exists`(_ page: String) async throws {
        let commands = try Self.commands(in: page, beginningWith: "make")
        #expect(!commands.isEmpty)
        for command in commands {
            let run = try await CommandRun(
                "/bin/sh", ["-c", "cd '\(Self.root.path)' && \(command) --dry-run"])
            #expect(run.end == .code(0), "\(page): \(command): \(run.text)")
        }
    }

    @Test(arguments: [
        "README.md", "CONTRIBUTING.md", "docs/TESTING.md", "docs/PERFORMANCE.md",
        "docs/OPERATIONS.md", "systemd/README.md",
    ])
    func `every script that a page names exists`(_ page: String) throws {
        let text = try String(contentsOf: Self.root.appending(path: page), encoding: .utf8)
        for match in text.matches(of: /\bScripts\/[a-z-]+/) {
            let path = Self.root.appending(path: String(text[match.range])).path
            #expect(FileManager.default.isExecutableFile(atPath: path), "\(page): \(path)")
        }
    }
}
