import CouponClient
import CouponCore
import CouponWire
import Glibc
import TestSupport
import TestWorld
import Testing

/// What a daemon reports to systemd and over HTTP.
@Suite(.machine(.asking), .timeLimit(.minutes(3))) struct ObservationTests {
    @Test func `systemd is notified of readiness, the watchdog and the drain`() async throws {
        let world = try await World()
        let (daemon, systemd) = try world.daemonWithWatchdog(microseconds: 200_000)
        for message in ["READY=1\nSTATUS=listening on ", "WATCHDOG=1", "WATCHDOG=1"] {
            var received = ""
            try await eventually("\(message) is sent") {
                received = systemd.receive()
                return !received.isEmpty
            }
            #expect(received.hasPrefix(message))
        }
        try await eventually("the state is reported") {
            systemd.receive(status: true)
                == "STATUS=serving; 0 connections; 0 requests/s; queue 0; "
                + "redis ok; postgres ok; 16 of 16 partitions; ready"
        }
        daemon.process.signal(SIGTERM)
        try await eventually("the drain is reported") {
            systemd.receive() == "STOPPING=1\nSTATUS=draining"
        }
        #expect(try await daemon.process.waitForEnd() == .code(0))
    }

    @Test func `while PostgreSQL is away the status line names it, and does not end with ready`()
        async throws
    {
        let world = try await World(ownPostgres: true)
        let systemd = try NotifySocket(world.folder.file("notify"))
        let daemon = try Daemon(
            world, environment: ["NOTIFY_SOCKET": world.folder.file("notify")])
        try await daemon.ready()
        try await world.postgres.stop()
        var line = ""
        func lines(until isWanted: (String) -> Bool) async throws {
            try await eventually("the line changes; the last one was: \(line)") {
                let next = systemd.receive(status: true)
                if next.hasPrefix("STATUS=serving") { line = next }
                return isWanted(next)
            }
        }
        try await lines { $0.contains("; redis ok; postgres not ok; ") }
        #expect(line.contains("; accepted requests wait: ") && !line.hasSuffix("ready"), "\(line)")
        try await world.postgres.start()
        try await lines { $0.contains("; postgres ok; ") && $0.hasSuffix("; ready") }
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `health and metrics are served over HTTP`() async throws {
        let world = try await World()
        let port = Int(try freePort())
        let before = Double(time(nil))
        let daemon = try await world.daemon(["--metrics-listen", "127.0.0.1:\(port)"])
        #expect(try httpGet("/livez", port: port).hasPrefix("HTTP/1.1 200"))
        #expect(try httpGet("/readyz", port: port).hasSuffix("ready\n"))
        #expect(try httpGet("/else", port: port).hasPrefix("HTTP/1.1 404"))
        let health = ["health", "--address", "127.0.0.1:\(daemon.port)"]
        let healthy = try await CommandRun(builtExecutable("couponctl"), health)
        #expect(healthy.end == .code(0) && healthy.text == "ready", "\(healthy.text)")
        _ = try await daemon.client.create(.offer(1, total: 1))
        for user in 1...2 {
            _ = try await daemon.client.issue(
                IssueRequest(
                    coupon: CouponID(1), user: UserID(Int64(user)), waitFor: .issued))
        }
        let metrics = try httpGet("/metrics", port: port)
        #expect(metrics.contains("coupond_requests_total{outcome=\"issued\"} 1\n"))
        #expect(metrics.contains("coupond_requests_total{outcome=\"sold_out\"} 1\n"))
        #expect(metrics.contains("\ncoupond_issued_total 1\n"))
        #expect(metrics.contains("\ncoupond_ready 1\n"))
        #expect(metrics.contains("\ncoupond_partitions_owned 16\n"))
        #expect(metrics.contains("\ncoupond_build_info{version=\"0.1.0\"} 1\n"))
        for name in MetricName.Process.allCases {
            let value = metrics.split(separator: "\n")
                .first { $0.hasPrefix(name.rawValue + " ") }
                .flatMap { Double($0.dropFirst(name.rawValue.count + 1)) }
            #expect(value ?? 0 > 0, "\(name.rawValue)")
            if name == .startTime {
                #expect(before - 1...Double(time(nil)) + 1 ~= value ?? 0, "\(value ?? 0)")
            }
        }
        try await world.redis.kill()
        try await eventually("it is not ready without Redis") {
            try httpGet("/readyz", port: port).hasPrefix("HTTP/1.1 503")
        }
        let unhealthy = try await CommandRun(builtExecutable("couponctl"), health)
        #expect(
            unhealthy.end == .code(69) && unhealthy.text.hasPrefix("not ready: Redis"),
            "\(unhealthy.text)")
        try await world.redis.restart()
        try await daemon.ready()
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `probes and scrapers are answered in every form they use`() async throws {
        let world = try await World()
        let port = Int(try freePort())
        let daemon = try await world.daemon(["--metrics-listen", "127.0.0.1:\(port)"])
        func ask(_ line: String) throws -> String {
            try httpRequest(line, over: PlainSocket(port: port))
        }
        let head = try ask("HEAD /livez HTTP/1.1")
        #expect(head.hasPrefix("HTTP/1.1 200") && head.contains("content-length: 6\r\n"))
        #expect(head.hasSuffix("\r\n\r\n"))
        for target in ["/livez?verbose", "/livez?", "http://127.0.0.1:\(port)/livez?a=b"] {
            #expect(try ask("GET \(target) HTTP/1.1").hasSuffix("\r\n\r\nalive\n"), "\(target)")
        }
        #expect(try ask("GET /livez HTTP/1.0").hasSuffix("alive\n"))
        for path in ["/livez", "/readyz?verbose", "/metrics", "/status.json"] {
            let answer = try httpRequest(
                "GET \(path) HTTP/1.1", over: PlainSocket(port: port), endsSending: true)
            #expect(answer.hasPrefix("HTTP/1.1 200"), "\(path) after the end of sending")
        }
        for path in ["/livez", "/", "/status.json", "/metrics"] {
            for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
                let answer = try ask("\(method) \(path) HTTP/1.1")
                #expect(answer.hasPrefix("HTTP/1.1 405"), "\(method) \(path)")
                #expect(answer.contains("allow: GET, HEAD\r\n"), "\(method) \(path)")
            }
        }
        let metrics = try ask("GET /metrics?format=prometheus HTTP/1.1")
        let lines = metrics.split(separator: "\r\n").last?.split(separator: "\n") ?? []
        #expect(lines.count { $0.hasPrefix("# TYPE ") } > 20)
        let types = lines.filter { $0.hasPrefix("# TYPE ") }.map { $0.split(separator: " ")[2] }
        let help = lines.filter { $0.hasPrefix("# HELP ") }.map { $0.split(separator: " ")[2] }
        #expect(types == help)
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `an HTTP request that is too long, or too slow, is ended`() async throws {
        let stage = try await LimitStage()
        let long = try PlainSocket(port: stage.metricsPort)
        let filler = String(repeating: "a", count: Limits.observationBytes)
        let answer = try httpRequest("GET /livez?\(filler) HTTP/1.1", over: long)
        #expect(answer.hasPrefix("HTTP/1.1 431"))
        #expect(try stage.metric("coupond_http_refused_total") == 1)
        let slow = try PlainSocket(port: stage.metricsPort)
        try await eventually("each byte comes in time, the request does not", within: .seconds(60))
        {
            do throws(SocketError) {
                try slow.send(Array("a".utf8))
                return slow.isReadable(within: 0)
            } catch {
                return true
            }
        }
        #expect(try httpGet("/livez", port: stage.metricsPort).hasSuffix("alive\n"))
        #expect(try await stage.daemon.stop() == .code(0))
    }

    @Test func `a refused subscription is reported, and so is its recovery`() async throws {
        let world = try await World()
        let port = Int(try freePort())
        let daemon = try await world.daemon(["--metrics-listen", "127.0.0.1:\(port)"])
        func subscription(_ value: String) async throws {
            try await eventually("the subscription is \(value)") {
                try httpGet("/metrics", port: port).contains("\ncoupond_subscription_up \(value)\n")
            }
        }
        try await subscription("1.0")
        try await world.redis.cli("ACL", "SETUSER", "coupond", "resetchannels")
        try await subscription("0.0")
        try await daemon.process.logs("the event subscription is broken")
        try await daemon.process.logs("NOPERM")
        try await world.redis.cli("ACL", "SETUSER", "coupond", "allchannels")
        try await subscription("1.0")
        try await daemon.process.logs("the event subscription works again")
        #expect(try await daemon.stop() == .code(0))
    }
}
