import CouponClient
import CouponCore
import CouponWire
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(1))) struct AdminTokenTests {
    @Test func `admin methods need the token if one is configured`() async throws {
        let world = try await World()
        let file = try world.folder.write("open sesame\n", to: "token")
        let daemon = try await world.daemon(["--admin-token-file", file])
        let wrong = ["", "open sesam", "open sesame\n", "Open sesame"]
        for token in wrong {
            let code = try await refusal {
                try await client(daemon, token).create(.offer(1, total: 1))
            }
            #expect(code == (token.isEmpty ? .unauthenticated : .permissionDenied))
        }
        let admin = client(daemon, "open sesame")
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
        let file = try world.folder.write("old\n", to: "token")
        let daemon = try await world.daemon(["--admin-token-file", file])
        let (old, new) = (client(daemon, "old"), client(daemon, "new"))
        _ = try world.folder.write("new\n", to: "token")
        #expect(try await refusal { try await new.reload() } == .permissionDenied)
        try await old.reload()
        #expect(try await refusal { try await old.reload() } == .permissionDenied)
        try await new.reload()
        await old.close()
        await new.close()
    }

    private func client(_ daemon: Daemon, _ token: String) -> CouponClient {
        var configuration = ClientConfiguration()
        configuration.token = Array(token.utf8)
        return CouponClient(address: daemon.client.address, configuration: configuration)
    }
}
