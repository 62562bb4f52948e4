/// A listener of its own for admin methods.
import CouponClient
import CouponCore
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(3))) struct AdminListenTests {
    @Test(arguments: ["a unix socket", "an address"])
    func `admin methods are answered at admin-listen only`(_ kind: String) async throws {
        let world = try await World()
        let place =
            kind == "an address"
            ? "127.0.0.1:\(try freePort())" : "unix:" + world.folder.file("admin.sock")
        let daemon = try await world.daemon(["--admin-listen", place])
        let admin = CouponClient(
            address: try #require(ServerAddress(place)), configuration: .patient)
        _ = try await admin.create(.offer(1, total: 10))
        #expect(
            try await refusal { try await daemon.client.create(.offer(2, total: 1)) }
                == .permissionDenied)
        #expect(try await refusal { try await daemon.client.reload() } == .permissionDenied)
        // The other methods are served at both.
        #expect(try await daemon.win(CouponID(1), 1) == 1)
        #expect(try await admin.status(of: CouponID(1), user: UserID(1)).accepted == 1)
        #expect(try await admin.health() == nil)
        #expect(try await daemon.client.health() == nil)
        try await admin.reload()
        let run = try await CommandRun(
            builtExecutable("couponctl"), ["coupon", "list", "--address", place])
        #expect(run.end == .code(0), "\(run.text)")
        let outside = try await CommandRun(
            builtExecutable("couponctl"),
            ["coupon", "list", "--address", "127.0.0.1:\(daemon.port)"])
        #expect(outside.end == .code(77) && outside.text.contains("admin-listen"))
        await admin.close()
        #expect(try await daemon.stop() == .code(0))
    }
}
