/// Files with secrets, and the file that says who may call.
import CouponClient
import CouponCore
import Foundation
import Glibc
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(2))) struct SecretFileTests {
    @Test func `a secret that everybody on the machine may read is named in the log`() async throws
    {
        let world = try await World()
        let token = try world.folder.write("open sesame, please\n", to: "token")
        for (mode, expected) in [(0o644, true), (0o640, false), (0o400, false)] {
            unsafe chmod(token, mode_t(mode))
            let daemon = try await world.daemon(["--admin-token-file", token])
            #expect(try await daemon.stop() == .code(0))
            let lines = daemon.process.logText.split(separator: "\n").filter {
                $0.contains("a file with a secret can be read by every user of this machine")
            }
            #expect(lines.contains { $0.contains("admin-token-file") } == expected)
            #expect(!daemon.process.logText.contains("sesame"))
        }
    }

    @Test(.enabled(if: geteuid() == 0))
    func `a callers file of somebody else is refused, because its owner may write it`()
        async throws
    {
        let folder = try TemporaryFolder()
        let file = try folder.write("anna roles=admin uid=1\n", to: "callers")
        unsafe chmod(file, 0o644)
        unsafe chmod(folder.path, 0o755)
        // The daemon runs as another user than root, because root may read everything.
        func check() async throws -> CommandRun {
            try await CommandRun(
                "/usr/bin/setpriv",
                [
                    "--reuid=65534", "--clear-groups", builtExecutable("coupond"), "--check-config",
                    "--callers-file", file,
                ])
        }
        unsafe chown(file, 4_712, 4_712)
        let foreign = try await check()
        #expect(foreign.end == .code(78) && foreign.text.contains("belongs neither to root nor to"))
        for owner in [0, 65_534] as [uid_t] {
            unsafe chown(file, owner, owner)
            let own = try await check()
            #expect(own.end == .code(0), "\(own.text)")
        }
    }

    @Test func `a change of who may call leaves a line in the trail`() async throws {
        let anna = CallersWorld.line("anna", "roles=admin,operator")
        let world = try await CallersWorld(
            [
                anna, CallersWorld.line("shop", "roles=issuer"),
                CallersWorld.line("kiosk", "roles=issuer"),
            ])
        let changed = [
            anna, CallersWorld.line("shop", "roles=issuer,reader"),
            CallersWorld.line("mallory", "roles=admin"),
        ]
        try await world.reload(changed, as: "anna")
        func line(_ principal: String) throws -> String {
            try world.world.sql(
                """
                SELECT before::text || ' ' || after::text FROM coupond.admin_action
                WHERE method = 'reload' AND principal = '\(principal)' ORDER BY id DESC LIMIT 1
                """)
        }
        try await eventually("the trail says who may call now, and who may no more") {
            try line("anna") == #"{"shop": "issuer", "kiosk": "issuer"} "#
                + #"{"shop": "issuer,reader", "mallory": "admin"}"#
        }
        // A signal has no caller, so its line has a name of its own. A new token is a change, too.
        _ = try world.world.folder.write(
            (changed.dropLast() + [CallersWorld.line("mallory", "roles=admin", "other")])
                .joined(separator: "\n") + "\n", to: "callers")
        world.daemon.process.signal(SIGHUP)
        try await eventually("a signal leaves its line as well") {
            try line("signal:SIGHUP") == #"{"mallory": "admin"} {"mallory": "admin"}"#
        }
        // Nothing has changed: a signal that changes nothing leaves no line.
        world.daemon.process.signal(SIGHUP)
        let admin = world.client("anna")
        try await admin.reload()
        await admin.close()
        try await eventually("the last reload has its line") {
            try world.world.sql(
                "SELECT count(*) FROM coupond.admin_action WHERE principal = 'anna'") == "2"
        }
        #expect(
            try world.world.sql(
                """
                SELECT count(*) FROM coupond.admin_action WHERE principal = 'signal:SIGHUP'
                """) == "1")
        #expect(try await world.daemon.stop() == .code(0))
    }

    @Test func `a signal that finds a wrong callers file changes nothing, and is logged`()
        async throws
    {
        let world = try await CallersWorld([CallersWorld.line("shop", "roles=reader")])
        _ = try world.world.folder.write("shop roles=boss\n", to: "callers")
        world.daemon.process.signal(SIGHUP)
        try await world.daemon.process.logs("the old callers stay")
        try world.socket("shop").checkAlive()
        #expect(
            try httpGet("/metrics", port: world.metrics).contains(
                "\ncoupond_reload_failures_total 1\n"))
    }
}
