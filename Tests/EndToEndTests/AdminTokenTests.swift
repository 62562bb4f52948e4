import CouponClient
import CouponCore
import CouponWire
import Foundation
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(3))) struct AdminTokenTests {
    @Test func `admin methods need the token if one is configured`() async throws {
        let world = try await World()
        let file = try world.folder.write("open sesame, please\n", to: "token")
        let daemon = try await world.daemon(["--admin-token-file", file])
        let wrong = ["", "open sesame, pleas", "open sesame, please\n", "Open sesame, please"]
        for token in wrong {
            let code = try await refusal {
                try await client(daemon, token).create(.offer(1, total: 1))
            }
            #expect(code == (token.isEmpty ? .unauthenticated : .permissionDenied))
        }
        let admin = client(daemon, "open sesame, please")
        #expect(try await admin.create(.offer(1, total: 1)).id == CouponID(1))
        // The other methods need none.
        #expect(try await daemon.ask(CouponID(1), 1, waitFor: .accepted) == .accepted(sequence: 1))
        #expect(try await daemon.client.status(of: CouponID(1)).accepted == 1)
        #expect(
            try await refusal { try await daemon.client.audit(CouponID(1)) } == .unauthenticated)
        await admin.close()
    }

    @Test func `a reload reads the admin token again`() async throws {
        let world = try await World()
        let file = try world.folder.write("an old admin token\n", to: "token")
        let daemon = try await world.daemon(["--admin-token-file", file])
        let (old, new) = (client(daemon, "an old admin token"), client(daemon, "a new admin token"))
        _ = try world.folder.write("a new admin token\n", to: "token")
        #expect(try await refusal { try await new.reload() } == .permissionDenied)
        try await old.reload()
        #expect(try await refusal { try await old.reload() } == .permissionDenied)
        try await new.reload()
        await old.close()
        await new.close()
    }

    @Test(arguments: [nil, "", "\n"])
    func `a reload without a usable token fails and keeps the old one`(_ text: String?) async throws
    {
        let world = try await World()
        let file = try world.folder.write("an old admin token\n", to: "token")
        let (port, systemd) = (Int(try freePort()), try NotifySocket(world.folder.file("notify")))
        let daemon = try Daemon(
            world, ["--admin-token-file", file, "--metrics-listen", "127.0.0.1:\(port)"],
            environment: ["NOTIFY_SOCKET": world.folder.file("notify")])
        try await daemon.ready()
        var ready = ""
        try await eventually("systemd gets READY") {
            ready = systemd.receive()
            return ready.hasPrefix("READY=1\nSTATUS=listening on ")
        }
        if let text {
            _ = try world.folder.write(text, to: "token")
        } else {
            try FileManager.default.removeItem(atPath: file)
        }
        let token = try world.folder.write("an old admin token\n", to: "admin's copy")
        let reload = [
            "reload", "--address", "127.0.0.1:\(daemon.port)", "--token-file", token,
        ]
        let failed = try await CommandRun(builtExecutable("couponctl"), reload)
        #expect(failed.end == .code(1) && failed.text.contains("the old token stays valid"))
        #expect(systemd.receive().hasPrefix("RELOADING=1\nMONOTONIC_USEC="))
        #expect(systemd.receive().contains("; the last reload failed: admin-token-file"))
        #expect(
            try httpGet("/metrics", port: port).contains("\ncoupond_reload_failures_total 1\n"))
        try await daemon.process.logs("the reload failed")

        _ = try world.folder.write("an old admin token\r\n", to: "token")
        let reloaded = try await CommandRun(builtExecutable("couponctl"), reload)
        #expect(reloaded.end == .code(0), "\(reloaded.text)")
        #expect(systemd.receive().hasPrefix("RELOADING=1\nMONOTONIC_USEC="))
        #expect(systemd.receive() == ready)
        #expect(try await daemon.stop() == .code(0))
    }

    private func client(_ daemon: Daemon, _ token: String) -> CouponClient {
        var configuration = ClientConfiguration.patient
        configuration.token = Array(token.utf8)
        return CouponClient(address: daemon.client.address, configuration: configuration)
    }
}
