/// Callers by TLS.
import CouponClient
import CouponCore
import CouponWire
import Foundation
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(2))) struct TLSTests {
    private let world: World
    private let certificates: Certificates

    init() async throws {
        world = try await World()
        certificates = try await Certificates(in: world.folder)
    }

    private func daemon(
        _ arguments: [String], _ tls: ClientTLS
    ) async throws -> Daemon {
        let daemon = try Daemon(world, arguments, tls: tls)
        try await daemon.ready()
        return daemon
    }

    @Test func `Swift, couponctl and Python issue over TLS`() async throws {
        let server = try await certificates.make("server")
        let daemon = try await daemon(server.flags, certificates.client())
        _ = try await daemon.client.create(.offer(1, total: 10))
        #expect(try await daemon.win(CouponID(1), 1) == 1)
        let trust = ["--tls-ca", certificates.authority]
        let address = ["--address", "localhost:\(daemon.port)"]
        let issue = ["issue", "--coupon", "1", "--user"]
        for (arguments, environment) in [
            (issue + ["2"] + trust + address, [:]), (trust + address + issue + ["5"], [:]),
            (
                issue + ["3"],
                [
                    "COUPONCTL_TLS_CA": certificates.authority,
                    "COUPONCTL_ADDRESS": "127.0.0.1:\(daemon.port)",
                ]
            ),
        ] as [([String], [String: String])] {
            let run = try await CommandRun(
                builtExecutable("couponctl"), arguments, environment: environment)
            #expect(run.end == .code(0), "\(run.text)")
        }
        let python = try await pythonClient(
            trust + issue + ["4"], at: "localhost:\(daemon.port)")
        #expect(python.end == .code(0), "\(python.text)")
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `TLS is 1.2 at least`() async throws {
        let server = try await certificates.make("server")
        let daemon = try await daemon(server.flags, certificates.client())
        for (version, isServed) in [("tls1_1", false), ("tls1_2", true), ("tls1_3", true)] {
            let run = try await CommandRun(
                "/bin/sh",
                [
                    "-c",
                    "openssl s_client -brief -\(version) -cipher DEFAULT:@SECLEVEL=0 "
                        + "-connect 127.0.0.1:\(daemon.port) </dev/null",
                ])
            #expect((run.end == .code(0)) == isServed, "\(version): \(run.text)")
        }
        try await daemon.process.logs("UNSUPPORTED_PROTOCOL")
        let nameless = try await CommandRun(
            "/bin/sh",
            [
                "-c",
                "openssl s_client -brief -noservername -connect 127.0.0.1:\(daemon.port) </dev/null",
            ])
        #expect(nameless.end == .code(0), "\(nameless.text)")
    }

    @Test func `a client says why it does not trust a daemon`() async throws {
        let server = try await certificates.make("server")
        let other = try await Certificates("other", in: world.folder)
        let expired = try await certificates.make("expired", days: -1)
        let daemon = try await daemon(server.flags, certificates.client())
        let stranger = try await reason(daemon, other.client())
        #expect(stranger == "the daemon's certificate is of an unknown CA")
        var named = certificates.client()
        named.serverName = "shop.example"
        #expect(
            try await reason(daemon, named) == "the daemon's certificate is not for shop.example")
        let plain = try await world.daemon()
        let misled = try await reason(plain, certificates.client())
        #expect(misled == "the TLS handshake failed: the daemon does not speak TLS there")
        var missing = certificates.client()
        missing.trustRootsFile = "/no/such.pem"
        #expect(
            try await reason(daemon, missing)
                == "TLS: /no/such.pem has no certificate in PEM form")
        let late = try Daemon(world, expired.flags)
        try await late.process.logs("listening")
        #expect(
            try await reason(late, certificates.client())
                == "the daemon's certificate has expired")
        try await late.process.logs("the certificate of tls-certificate has expired")
        let run = try await CommandRun(
            builtExecutable("couponctl"),
            [
                "coupon", "list", "--address", "127.0.0.1:\(late.port)", "--tls-ca",
                certificates.authority,
            ])
        #expect(run.end == .code(69) && !run.text.contains("Is coupond running"))
        #expect(run.text.contains("the daemon's certificate has expired"), "\(run.text)")
    }

    @Test func `with a client CA only callers with its certificates are served`() async throws {
        let server = try await certificates.make("server")
        let clients = try await Certificates("clients", in: world.folder)
        let shop = try await clients.make("shop", names: "URI:spiffe://shop/checkout")
        let expired = try await clients.make("late", days: -1)
        let foreign = try await certificates.make("foreign")
        let metrics = Int(try freePort())
        let daemon = try await daemon(
            server.flags + [
                "--tls-client-ca", clients.authority, "--metrics-listen", "127.0.0.1:\(metrics)",
            ], certificates.client(showing: shop))
        _ = try await daemon.client.create(.offer(1, total: 10))
        #expect(try await daemon.win(CouponID(1), 1) == 1)
        for (own, text) in [
            (nil, "the daemon asks for a client certificate"),
            (foreign, "the daemon does not accept the client certificate"),
            (expired, "the daemon does not accept the client certificate: it has expired"),
        ] as [(Certificates.Pair?, String)] {
            #expect(try await reason(daemon, certificates.client(showing: own)) == text)
            let files = own.map {
                ["--tls-certificate", $0.certificate, "--tls-key", $0.key]
            }
            let options = ["--tls-ca", certificates.authority] + (files ?? [])
            let ask = ["issue", "--coupon", "1", "--user", "7"]
            let run = try await CommandRun(
                builtExecutable("couponctl"),
                ask + options + ["--address", "127.0.0.1:\(daemon.port)"])
            #expect(run.end == .code(69) && run.text.contains(text), "\(run.text)")
            let python = try await pythonClient(
                ["--attempts", "2"] + options + ask, at: "127.0.0.1:\(daemon.port)")
            #expect(python.end == .code(5), "\(python.text)")
        }
        let page = try httpGet("/metrics", port: metrics)
        let name = "coupond_tls_handshake_failures_total{cause=\"certificate\"}"
        let failures = page.split(separator: "\n").first { $0.hasPrefix(name) }
        #expect(Int(failures?.dropFirst(name.count + 1) ?? "") ?? 0 >= 12, "\(page)")
        for text in [
            "the caller sent no certificate", "the caller's certificate is not of tls-client-ca",
            "the caller's certificate has expired",
        ] { try await daemon.process.logs(text) }
        #expect(try await daemon.client.status(of: CouponID(1)).accepted == 1)
    }

    @Test func `a reload replaces the certificate for new connections only`() async throws {
        let server = try await certificates.make("server")
        let metrics = Int(try freePort())
        let daemon = try await daemon(
            server.flags + ["--metrics-listen", "127.0.0.1:\(metrics)"], certificates.client())
        let expiry = try expirySeconds(metrics)
        // A file that does not fit keeps the old certificate, and the caller of the reload sees it.
        let key = try String(contentsOfFile: server.key, encoding: .utf8)
        for wrong in [
            "nonsense", try String(contentsOfFile: certificates.authority, encoding: .utf8),
        ] {
            try wrong.write(toFile: server.key, atomically: true, encoding: .utf8)
            await #expect(throws: ClientError.self) { try await daemon.client.reload() }
        }
        try await daemon.process.logs("the reload failed")
        #expect(
            try httpGet("/metrics", port: metrics).contains("\ncoupond_reload_failures_total 2\n"))
        try key.write(toFile: server.key, atomically: true, encoding: .utf8)
        #expect(try expirySeconds(metrics) == expiry)

        let next = try await Certificates("next", in: world.folder)
        let renewed = try await next.make("renewed", days: 60)
        let old = CouponClient(
            address: daemon.client.address, configuration: configuration(certificates.client()))
        _ = try await old.health()
        try FileManager.default.removeItem(atPath: server.certificate)
        try FileManager.default.removeItem(atPath: server.key)
        try FileManager.default.copyItem(atPath: renewed.certificate, toPath: server.certificate)
        try FileManager.default.copyItem(atPath: renewed.key, toPath: server.key)
        try await daemon.client.reload()
        // Open connections go on, and a new one gets the new certificate.
        _ = try await old.health()
        let new = CouponClient(
            address: daemon.client.address, configuration: configuration(next.client()))
        _ = try await new.health()
        #expect(
            try await reason(daemon, certificates.client())
                == "the daemon's certificate is of an unknown CA")
        #expect(try expirySeconds(metrics) > expiry + 86_400 * 20)
        await old.close()
        await new.close()
    }

    @Test func `a handshake that is not completed ends after two seconds`() async throws {
        let server = try await certificates.make("server")
        let metrics = Int(try freePort())
        let daemon = try Daemon(
            world,
            server.flags + ["--max-connections", "2", "--metrics-listen", "127.0.0.1:\(metrics)"],
            tls: certificates.client())
        try await daemon.ready()
        // The world's client holds one of the two places, and a silent caller the other one for two seconds.
        try await eventually("the connection that is one too many gets its answer through TLS") {
            let silent = try PlainSocket(port: daemon.port)
            // The beginning of a ClientHello.
            try silent.send([22, 3, 1, 2, 0, 1, 0])
            let code = try await refusal {
                try await reason(daemon, certificates.client())
            }
            #expect(try silent.read(1) == nil)
            return code == .resourceExhausted
        }
        let next = CouponClient(
            address: daemon.client.address, configuration: configuration(certificates.client()))
        try await eventually("there is room again") { try await next.health() == nil }
        #expect(
            try httpGet("/metrics", port: metrics).contains(
                /\ncoupond_tls_handshake_failures_total{cause="timeout"} [1-9]/))
        try await daemon.process.logs("it took too long")
        await next.close()
    }

    @Test func `a connection above the limit of its address is closed before its handshake`()
        async throws
    {
        let server = try await certificates.make("server")
        let metrics = Int(try freePort())
        let daemon = try await daemon(
            server.flags + [
                "--max-connections-per-address", "1", "--metrics-listen", "127.0.0.1:\(metrics)",
            ], certificates.client())
        // The world's client holds the only place. The daemon does not wait for the first byte.
        let silent = try PlainSocket(port: daemon.port)
        #expect(try silent.read(1) == nil)
        let page = try httpGet("/metrics", port: metrics)
        #expect(page.contains("\ncoupond_connections 1\n"))
        #expect(page.contains("\ncoupond_limited_total{reason=\"connections_of_address\"} 1\n"))
        #expect(page.contains("\ncoupond_tls_handshake_failures_total{cause=\"closed\"} 0\n"))
        #expect(try await daemon.client.health() == nil)
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `handshakes of an address have a limit, and a place is free when one ends`()
        async throws
    {
        let server = try await certificates.make("server")
        let metrics = Int(try freePort())
        let daemon = try await daemon(
            server.flags + [
                "--max-connections-per-address", "40", "--metrics-listen", "127.0.0.1:\(metrics)",
            ], certificates.client())
        func refusals() throws -> Int {
            let page = try httpGet("/metrics", port: metrics)
            let line = page.firstMatch(
                of: /\ncoupond_limited_total\{reason="handshakes_of_address"\} (\d+)\n/)
            return try #require(line.flatMap { Int($0.1) })
        }
        // Connections whose handshakes have ended, such as that of the world's client, do not count. A
        // handshake has two seconds.
        var silent: [PlainSocket] = []
        try await eventually("one handshake too many is refused") {
            silent = []
            guard try httpGet("/metrics", port: metrics).contains("\ncoupond_connections 1\n")
            else { return false }
            let before = try refusals()
            silent = try (1...16).map { _ in try PlainSocket(port: daemon.port) }
            #expect(try PlainSocket(port: daemon.port).read(1) == nil)
            return try refusals() == before + 1
        }
        silent.removeLast()
        let client = CouponClient(
            address: daemon.client.address, configuration: configuration(certificates.client()))
        try await eventually("there is a place") {
            do { return try await client.health() == nil } catch { return false }
        }
        await client.close()
        withExtendedLifetime(silent) {}
        #expect(try await daemon.stop() == .code(0))
    }

    private func configuration(_ tls: ClientTLS) -> ClientConfiguration {
        var configuration = ClientConfiguration.patient
        configuration.tls = tls
        return configuration
    }

    /// Why a new client cannot connect.
    private func reason(_ daemon: Daemon, _ tls: ClientTLS) async throws -> String? {
        let client = CouponClient(
            address: daemon.client.address, configuration: configuration(tls))
        var reason: String?
        do throws(ClientError) {
            _ = try await client.health()
        } catch {
            guard case .cannotConnect(_, let text) = error else { throw error }
            reason = text
        }
        await client.close()
        return reason
    }

    private func expirySeconds(_ port: Int) throws -> Int {
        let name = "coupond_tls_certificate_expiry_seconds "
        let page = try httpGet("/metrics", port: port)
        let line = page.split(separator: "\n").first { $0.hasPrefix(name) }
        return try #require(Int(line?.dropFirst(name.count) ?? ""))
    }
}
