/// Principals by the unix socket through which they come, and by their user.
import CouponAccess
import CouponClient
import CouponCore
import Foundation
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(3))) struct SocketCallersTests {
    private let world: World

    init() async throws { world = try await World() }

    /// A daemon with two unix sockets.
    private func daemon(_ lines: [String]) throws -> Daemon {
        let file = try world.folder.write(lines.joined(separator: "\n") + "\n", to: "callers")
        return try Daemon(
            world,
            [
                "--callers-file", file, "--listen", "unix:\(world.folder.file("a"))",
                "--listen", "unix:\(world.folder.file("b"))",
            ])
    }

    private func client(_ name: String, _ token: String? = nil) async throws -> CouponClient {
        var configuration = ClientConfiguration.patient
        if let token { configuration.callerToken = Array(token.utf8) }
        let path = world.folder.file(name)
        let client = CouponClient(address: .unix(path: path), configuration: configuration)
        try await eventually("coupond answers at \(path)") { try await client.health() == nil }
        return client
    }

    @Test func `each unix socket has its principal`() async throws {
        let daemon = try daemon([
            "boss roles=admin,operator socket=\(world.folder.file("a"))",
            "till roles=issuer socket=\(world.folder.file("b"))",
        ])
        let (boss, till) = (try await client("a"), try await client("b"))
        let request = IssueRequest(coupon: CouponID(1), user: UserID(1), waitFor: .issued)
        _ = try await boss.create(.offer(1, total: 1))
        #expect(try await refusal { try await boss.issue(request) } == .permissionDenied)
        #expect(try await refusal { try await till.close(CouponID(1)) } == .permissionDenied)
        guard case .issued = try await till.issue(request) else {
            Testing.Issue.record("not issued")
            return
        }
        let lines = try await boss.adminActions(of: .coupon(CouponID(1)))
        #expect(lines.map(\.action.call.address) == ["unix:\(world.folder.file("a"))"])
        for client in [boss, till] { await client.close() }
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `a user is known at every unix socket, before the socket itself`() async throws {
        let daemon = try daemon([
            "boss roles=admin uid=\(geteuid())",
            "till roles=issuer socket=\(world.folder.file("b"))",
            "other roles=issuer uid=\(geteuid() + 1)",
        ])
        for (id, name) in [(1, "a"), (2, "b")] as [(Int64, String)] {
            let client = try await client(name)
            _ = try await client.create(.offer(id, total: 1))
            let request = IssueRequest(coupon: CouponID(id), user: UserID(1))
            #expect(try await refusal { try await client.issue(request) } == .permissionDenied)
            await client.close()
        }
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `a caller through the socket of an expired principal may still authenticate`()
        async throws
    {
        let daemon = try daemon([
            "kiosk roles=admin socket=\(world.folder.file("a")) expires=2020-01-01T00:00:00Z",
            CallersWorld.line("anna", "roles=admin"),
        ])
        let (nobody, anna) = (try await client("a"), try await client("a", "anna"))
        #expect(
            try await refusal { try await nobody.create(.offer(1, total: 1)) } == .unauthenticated)
        _ = try await anna.create(.offer(1, total: 1))
        for client in [nobody, anna] { await client.close() }
        #expect(try await daemon.stop() == .code(0))
    }
}
