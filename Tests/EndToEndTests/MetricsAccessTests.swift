/// Who may read metrics over HTTP beyond this machine.
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
        #expect(try get("//metrics", nil, port: port).status == "HTTP/1.1 401 Unauthorized")
        for path in ["/livez", "/readyz"] {
            #expect(try get(path, nil, port: port).status == "HTTP/1.1 200 OK")
        }
        let text = try httpRequest(
            "GET /metrics HTTP/1.1\r\nauthorization: Bearer prom", over: PlainSocket(port: port))
        #expect(text.contains("\ncoupond_http_refused_total \(paths.count * 6 + 1)\n"))
        #expect(world.daemon.process.logTail().contains("a request over HTTP was refused"))
        #expect(try await world.daemon.stop() == .code(0))
    }
}
