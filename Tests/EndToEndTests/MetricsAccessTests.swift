/// Who may read metrics over HTTP beyond this machine.
import CouponClient
import CouponCore
import Foundation
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(3))) struct MetricsAccessTests {
    /// The first line of the answer, and whether it shows metrics or the status page.
    private func get(
        _ path: String, _ token: String?, port: Int
    ) throws -> (status: Substring, isShown: Bool) {
        let authorization = token.map { "\r\nauthorization: \($0)" } ?? ""
        let text = try httpRequest(
            "GET \(path) HTTP/1.1\(authorization)", over: PlainSocket(port: port))
        let marks = ["coupond_ready ", "<title>coupond</title>", "\"checks\":"]
        return (text.prefix { $0 != "\r\n" }, marks.contains { text.contains($0) })
    }

    @Test
    func `beyond this machine metrics and status page are for readers, and probes for everybody`()
        async throws
    {
        let port = Int(try freePort())
        let world = try await CallersWorld(
            [
                CallersWorld.line("prom", "roles=reader"),
                CallersWorld.line("till", "roles=issuer"),
                CallersWorld.line("part", "roles=reader coupons=1-5"),
                CallersWorld.line("old", "roles=reader expires=2020-01-01T00:00:00Z"),
                "anonymous roles=reader",
            ], ["--metrics-listen", "0.0.0.0:\(port)"])
        let paths = ["/metrics", "/", "/status.json", "/?theme=any"]
        for path in paths {
            for scheme in ["Bearer", "bearer"] {
                let page = try get(path, "\(scheme) prom", port: port)
                #expect(page.status == "HTTP/1.1 200 OK" && page.isShown, "\(path)")
            }
            for token in [nil, "Bearer till", "Bearer part", "Bearer old", "Bearer ", "prom"] {
                let page = try get(path, token, port: port)
                #expect(
                    page.status == "HTTP/1.1 401 Unauthorized" && !page.isShown,
                    "\(path) \(token ?? "")")
            }
        }
        for path in ["//metrics", "/", "/status.json", "/anything"] {
            #expect(try get(path, nil, port: port).status == "HTTP/1.1 401 Unauthorized", "\(path)")
        }
        for path in ["/livez", "/readyz"] {
            #expect(try get(path, nil, port: port).status == "HTTP/1.1 200 OK")
        }
        let text = try httpRequest(
            "GET /metrics HTTP/1.1\r\nauthorization: Bearer prom", over: PlainSocket(port: port))
        #expect(text.contains("\ncoupond_http_refused_total \(paths.count * 6 + 4)\n"))
        try await world.daemon.process.logs("a request over HTTP was refused")
        #expect(try await world.daemon.stop() == .code(0))
    }

    private func document(_ token: String?, port: Int) throws -> (coupons: Bool, actions: Bool) {
        let authorization = token.map { "\r\nauthorization: Bearer \($0)" } ?? ""
        let text = try httpRequest(
            "GET /status.json HTTP/1.1\(authorization)", over: PlainSocket(port: port))
        #expect(text.contains("\"coupond_ready\""), "the rest is for everybody: \(text)")
        return (text.contains("Coupon 1"), text.contains(#""method":"create_coupon""#))
    }

    /// The tables are read once somebody looks.
    private func expectDocument(
        _ token: String?, _ coupons: Bool, _ actions: Bool, port: Int
    ) async throws {
        try await eventually("\(token ?? "nobody") sees what its roles allow") {
            try document(token, port: port) == (coupons, actions)
        }
    }

    @Test func `on this machine, too, the status page has what the caller's roles allow`()
        async throws
    {
        let world = try await CallersWorld(
            [
                CallersWorld.line("prom", "roles=reader"),
                CallersWorld.line("olga", "roles=operator,reader"),
                CallersWorld.line("till", "roles=issuer"),
                CallersWorld.line("part", "roles=reader,operator coupons=1-5"),
                CallersWorld.line("anna", "roles=admin"),
            ])
        let admin = world.client("anna")
        _ = try await admin.create(.offer(1, total: 5))
        await admin.close()
        try await expectDocument("olga", true, true, port: world.metrics)
        try await expectDocument("prom", true, false, port: world.metrics)
        for token in [nil, "till", "part", "guess"] {
            #expect(try document(token, port: world.metrics) == (false, false), "\(token ?? "")")
        }
        #expect(try await world.daemon.stop() == .code(0))
    }

    @Test func `without a callers file the page shows all to callers who may see all`()
        async throws
    {
        let world = try await World()
        let token = try world.folder.write("open sesame, please\n", to: "token")
        for (flags, actions) in [([], true), (["--admin-token-file", token], false)]
            as [([String], Bool)]
        {
            let port = Int(try freePort())
            let daemon = try await world.daemon(flags + ["--metrics-listen", "127.0.0.1:\(port)"])
            if actions { _ = try await daemon.client.create(.offer(1, total: 5)) }
            try await expectDocument(nil, true, actions, port: port)
            // A page of somebody else in a browser of this machine: its name leads here by now.
            for path in ["/status.json", "/readyz?verbose"] {
                let text = try httpRequest(
                    "GET \(path) HTTP/1.1", over: PlainSocket(port: port),
                    host: "evil.example:\(port)")
                #expect(text.hasPrefix("HTTP/1.1 200"))
                #expect(!text.contains("Coupon 1"))
                #expect(!text.contains(#""method":"create_coupon""#))
                #expect(!text.contains("16 of 16"))
            }
            #expect(try await daemon.stop() == .code(0))
        }
    }

    @Test func `beyond this machine probes do not say which server or right is missing`()
        async throws
    {
        let port = Int(try freePort())
        let world = try await CallersWorld(
            [CallersWorld.line("prom", "roles=reader")], ["--metrics-listen", "0.0.0.0:\(port)"])
        try await world.world.redis.stop()
        func body(_ path: String, _ token: String?) throws -> String {
            let authorization = token.map { "\r\nauthorization: Bearer \($0)" } ?? ""
            return try httpRequest(
                "GET \(path) HTTP/1.1\(authorization)", over: PlainSocket(port: port))
        }
        try await eventually("it is not ready") { try body("/readyz", nil).contains(" 503 ") }
        #expect(try body("/readyz", nil).hasSuffix("\r\n\r\nnot ready\n"))
        #expect(try body("/readyz?verbose", nil).hasPrefix("HTTP/1.1 401"))
        #expect(try body("/readyz", "prom").contains("Redis"))
        #expect(try body("/readyz?verbose", "prom").contains("[-]"))
    }
}
