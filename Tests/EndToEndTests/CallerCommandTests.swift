/// `couponctl caller` as an operator uses it, and the recipes of docs/CALLERS.md.
import CouponCore
import Foundation
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(2))) struct CallerCommandTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// The token that a command printed. Its output also has text for people.
    private func token(_ run: CommandRun) throws -> String {
        let match = try #require(run.text.firstMatch(of: /coupond_[0-9a-f]{64}/), "\(run.text)")
        return String(match.0)
    }

    @Test func `a principal is added, rotated and revoked`() async throws {
        let world = try await CallersWorld(["# people", CallersWorld.line("anna", "roles=admin")])
        let anna = try world.world.folder.write("anna\n", to: "anna")
        let options = ["--file", world.file, "--reload", "--caller-token-file", anna]
        func caller(_ arguments: String...) async throws -> CommandRun {
            try await CommandRun(
                builtExecutable("couponctl"),
                ["caller"] + arguments + options + ["--address", "127.0.0.1:\(world.daemon.port)"])
        }
        let added = try await caller("add", "shop", "--roles", "issuer,reader", "--expires", "+1h")
        #expect(added.end == .code(0), "\(added.text)")
        let first = try token(added)
        #expect(try await caller("add", "shop", "--roles", "issuer").end == .code(1))
        #expect(try await caller("add", "kiosk", "--roles", "boss").end == .code(64))

        let connection = try world.socket(first)
        let rotated = try await caller("rotate", "shop")
        let second = try token(rotated)
        for token in [first, second] { _ = try world.socket(token) }
        try connection.checkAlive()
        #expect(try await caller("rotate", "shop", "--finish").end == .code(0))
        #expect(try connection.failure().failure.code == .unauthenticated)
        #expect(try connection.response() == nil)
        #expect(throws: (any Error).self) { try world.socket(first) }

        let last = try world.socket(second)
        #expect(try await caller("revoke", "shop").end == .code(0))
        let (id, failure) = try last.failure()
        #expect(id == 0 && failure.code == .unauthenticated)
        #expect(try last.response() == nil)
        #expect(try await caller("revoke", "shop").end == .code(1))
        let text = try String(contentsOfFile: world.file, encoding: .utf8)
        #expect(text.hasPrefix("# people\nanna roles=admin token=sha256:"))
        #expect(text.split(separator: "\n").count == 2)
    }

    @Test func `the file keeps its mode, and is replaced as a whole`() async throws {
        let folder = try TemporaryFolder()
        let file = folder.file("callers")
        let couponctl = builtExecutable("couponctl")
        let new = ["caller", "add", "shop", "--roles", "issuer", "--file", file]
        #expect(try await CommandRun(couponctl, new).end == .code(0))
        #expect(try mode(of: file) == 0o640)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
        let link = folder.file("link")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: file)
        let other = [
            "caller", "add", "me", "--roles", "admin", "--uid", "0", "--file", link, "--json",
        ]
        let run = try await CommandRun(couponctl, other)
        #expect(run.end == .code(0) && run.text.contains(#"{"principal":"me","token":null}"#))
        #expect(try mode(of: file) == 0o600)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == [
                "callers", "link",
            ])
        let list = try await CommandRun(couponctl, ["caller", "list", "--file", link])
        #expect(list.text.contains("shop") && list.text.contains("uid=0"))
        _ = try folder.write("shop roles=boss\n", to: "callers")
        let wrong = try await CommandRun(couponctl, ["caller", "rotate", "shop", "--file", file])
        #expect(wrong.end == .code(64) && wrong.text.contains("\(file):1: roles must be"))
    }

    private func mode(of path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return try #require(attributes[.posixPermissions] as? Int)
    }

    @Test func `the recipes of docs/CALLERS.md run as they are written`() async throws {
        let page = try String(
            contentsOf: Self.root.appending(path: "docs/CALLERS.md"), encoding: .utf8)
        let commands = page.split(separator: "\n").filter { $0.hasPrefix("    couponctl ") }
        #expect(commands.count == 9)
        let folder = try TemporaryFolder()
        let admin = try folder.write("open sesame, please\n", to: "admin-token")
        let world = try await CallersWorld(["# nobody"], ["--admin-token-file", admin])
        let tool = URL(filePath: builtExecutable("couponctl")).deletingLastPathComponent().path
        for command in commands {
            let here = command.replacing("/etc/coupond/callers", with: world.file)
                .replacing("/etc/coupond/admin-token", with: admin)
            let run = try await CommandRun(
                "/bin/sh", ["-c", "cd '\(folder.path)' && \(here)"],
                environment: [
                    "COUPONCTL_ADDRESS": "127.0.0.1:\(world.daemon.port)",
                    "PATH": "\(tool):/usr/bin:/bin",
                ])
            // 1: there is no such coupon.
            let isAsking =
                command.contains("couponctl issue") || command.contains("couponctl status")
            #expect(run.end == .code(isAsking ? 1 : 0), "\(command): \(run.text)")
        }
        let text = try String(contentsOfFile: world.file, encoding: .utf8)
        #expect(text == "# nobody\n")
    }

    @Test func `the Python client sends its token`() async throws {
        let world = try await CallersWorld([CallersWorld.line("shop", "roles=issuer,reader")])
        let folder = world.world.folder
        for (text, end) in [("shop\r\n", 3), ("guess\n", 5)] as [(String, Int32)] {
            let file = try folder.write(text, to: "caller")
            let run = try await pythonClient(
                ["--caller-token-file", file, "issue", "--coupon", "1", "--user", "1"],
                at: "127.0.0.1:\(world.daemon.port)")
            #expect(run.end == .code(end), "\(run.text)")
        }
        let nobody = try await pythonClient(
            ["issue", "--coupon", "1", "--user", "1"], at: "127.0.0.1:\(world.daemon.port)")
        #expect(nobody.end == .code(5) && nobody["acceptance"] == "NOT_ACCEPTED")
    }
}
