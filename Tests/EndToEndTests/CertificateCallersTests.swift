/// Principals by the names in their certificates.
import CouponClient
import CouponCore
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(3))) struct CertificateCallersTests {
    @Test func `a caller is who its certificate says`() async throws {
        let world = try await World()
        let certificates = try await Certificates(in: world.folder)
        let server = try await certificates.make("server")
        let shop = try await certificates.make("shop", names: "URI:spiffe://example/shop")
        let boss = try await certificates.make("boss", names: "DNS:other.example,DNS:Boss.example")
        let nobody = try await certificates.make("nobody", names: "DNS:nobody.example")
        let file = try world.folder.write(
            """
            shop roles=issuer certificate=URI:spiffe://example/shop
            boss roles=admin,reader certificate=DNS:boss.example

            """, to: "callers")
        let daemon = try Daemon(
            world,
            server.flags + [
                "--tls-client-ca", certificates.authority, "--callers-file", file,
            ], tls: certificates.client(showing: boss))
        try await daemon.ready()
        _ = try await daemon.client.create(.offer(1, total: 10))
        let request = IssueRequest(coupon: CouponID(1), user: UserID(1), waitFor: .issued)
        let issuer = client(daemon, certificates.client(showing: shop))
        guard case .issued = try await issuer.issue(request) else {
            Testing.Issue.record("not issued")
            return
        }
        #expect(
            try await refusal { try await issuer.status(of: CouponID(1)) } == .permissionDenied)
        #expect(
            try await refusal { try await issuer.create(.offer(2, total: 1)) } == .permissionDenied)
        #expect(try await refusal { try await daemon.client.issue(request) } == .permissionDenied)
        #expect(try await daemon.client.status(of: CouponID(1)).accepted == 1)
        // The CA vouches for the name, and the callers file does not know it.
        let stranger = client(daemon, certificates.client(showing: nobody))
        #expect(try await refusal { try await stranger.issue(request) } != nil)
        #expect(try await stranger.health() == nil)
        await issuer.close()
        await stranger.close()
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `a connection ends with the certificate that it has shown`() async throws {
        let world = try await World()
        let certificates = try await Certificates(in: world.folder)
        let server = try await certificates.make("server")
        let other = try await certificates.make("other", names: "DNS:other.example")
        let metrics = Int(try freePort())
        let daemon = try Daemon(
            world,
            server.flags + [
                "--tls-client-ca", certificates.authority,
                "--metrics-listen", "127.0.0.1:\(metrics)",
            ], tls: certificates.client(showing: other))
        try await daemon.ready()
        let pair = try await certificates.make(
            "shop", names: "URI:spiffe://example/shop", endingIn: 15)
        let shop = client(daemon, certificates.client(showing: pair))
        #expect(try await shop.health() == nil)
        try await eventually("the connection has ended", within: .seconds(60)) {
            try httpGet("/metrics", port: metrics).contains(
                "coupond_access_refused_total{reason=\"expired\"} 1\n")
        }
        try await daemon.process.logs("the caller's certificate has expired")
        #expect(try await daemon.client.health() == nil)
        await #expect(throws: ClientError.self) { try await shop.health() }
        for client in [shop, daemon.client] { await client.close() }
        #expect(try await daemon.stop() == .code(0))
    }

    private func client(_ daemon: Daemon, _ tls: ClientTLS) -> CouponClient {
        var configuration = ClientConfiguration.patient
        configuration.tls = tls
        return CouponClient(address: daemon.client.address, configuration: configuration)
    }
}
