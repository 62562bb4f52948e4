import CouponClient
import CouponCore
import Foundation
import NIOCore
import TestSupport
import TestWorld
import Testing

/// What /metrics, /readyz and the log say of a sale.
@Suite(.machine(.asking), .timeLimit(.minutes(2))) struct MetricsTests {
    private func body(_ path: String, _ stage: LimitStage) throws -> String {
        let text = try httpGet(path, port: stage.metricsPort)
        let end = try #require(text.firstRange(of: "\r\n\r\n"))
        return String(text[end.upperBound...])
    }

    /// A coupon of 5, wanted by 20 users who wait for it, and then bounces.
    private func sell(_ stage: LimitStage, _ id: Int64 = 1) async throws {
        _ = try await stage.daemon.client.create(.offer(id, total: 5))
        for user in 1...20 as ClosedRange<Int64> {
            _ = try await stage.daemon.client.issue(
                IssueRequest(coupon: CouponID(id), user: UserID(user), waitFor: .issued))
        }
    }

    @Test func `each stage of a sale is measured`() async throws {
        let stage = try await LimitStage()
        try await sell(stage)
        _ = try await stage.daemon.client.coupon(CouponID(1))
        #expect(try stage.metric("coupond_request_seconds_count{method=\"issue\"}") >= 5)
        #expect(try stage.metric("coupond_request_seconds_count{method=\"get_coupon\"}") == 1)
        #expect(try stage.metric("coupond_front_door_seconds_count") >= 5)
        #expect(try stage.metric("coupond_gate_seconds_count") >= 5)
        // Each caller waited for its issue, so each had a commit of its own. Other commits only move a
        // cursor.
        #expect(try stage.metric("coupond_queue_seconds_count") == 5)
        #expect(try stage.metric("coupond_commit_seconds_count") >= 5)
        // The last caller is answered before the gate is settled.
        try await eventually("each batch is settled") {
            try stage.metric("coupond_settle_seconds_count") >= 5
        }
        try await eventually("a measured turn has a bounce") {
            _ = try await stage.daemon.client.issue(
                IssueRequest(coupon: CouponID(1), user: UserID(77)))
            return try stage.metric("coupond_request_seconds_count{method=\"bounce\"}") > 0
        }
        #expect(try stage.metric("coupond_event_loop_lag_seconds_count") > 0)
        #expect(try stage.metric("coupond_received_bytes_total") > 100)
        #expect(try stage.metric("coupond_sent_bytes_total") > 100)
        try await eventually("every gate is open") {
            try stage.metric("coupond_partitions_open") == 16
                && stage.metric("coupond_degraded") == 0
        }
        #expect(try stage.metric("coupond_rebuilds_in_progress") == 0)
        #expect(try await stage.daemon.stop() == .code(0))
    }

    @Test func `lost sessions count, and the readiness page says what is away`() async throws {
        let stage = try await LimitStage()
        var verbose = ""
        try await eventually("it is ready: \(verbose)") {
            verbose = try body("/readyz?verbose", stage)
            return verbose.hasPrefix("[+] gates: 16 of 16 are open\n[+] redis: answers\n")
                && verbose.hasSuffix("[+] callers: are admitted\nready\n")
        }
        try await stage.world.redis.kill()
        try await eventually("it is not ready") {
            try httpGet("/readyz?verbose", port: stage.metricsPort).hasPrefix("HTTP/1.1 503")
        }
        #expect(try body("/readyz?verbose", stage).contains("[-] redis: "))
        #expect(try stage.metric("coupond_sessions_lost_total{server=\"redis\"}") > 0)
        #expect(try stage.metric("coupond_ready") == 0)
        #expect(try stage.metric("coupond_degraded") == 1)
        try await stage.world.redis.restart()
        try await eventually("it is ready again") {
            try httpGet("/readyz", port: stage.metricsPort).hasSuffix("\r\n\r\nready\n")
        }
        #expect(try await stage.daemon.stop() == .code(0))
    }

    @Test func `metrics are served until the end of a drain`() async throws {
        let world = try await World(ownPostgres: true)
        let port = Int(try freePort())
        let daemon = try await world.daemon(
            ["--metrics-listen", "127.0.0.1:\(port)", "--drain-timeout", "60s"])
        _ = try await daemon.client.create(.offer(1, total: 5))
        #expect(try await daemon.win(CouponID(1), 1) == 1)
        // A caller who cannot be answered keeps the drain going.
        let lock = try await world.lock(CouponID(1))
        async let waiting = daemon.client.answer(
            to: IssueRequest(coupon: CouponID(1), user: UserID(2), waitFor: .issued),
            within: .seconds(60))
        try await eventually("the request is in flight") {
            try httpGet("/metrics", port: port).contains("\ncoupond_requests_in_flight 1\n")
        }
        daemon.process.signal(SIGTERM)
        try await eventually("the drain is reported") {
            try httpGet("/readyz", port: port).contains("the daemon is shutting down")
        }
        #expect(try httpGet("/metrics", port: port).contains("\ncoupond_ready 0\n"))
        try await lock.release()
        _ = await waiting
        #expect(try await daemon.process.waitForEnd() == .code(0))
    }

    @Test func `the log has each step of a batch, at info if a coupon is finished`()
        async throws
    {
        let stage = try await LimitStage()
        try await sell(stage)
        struct Line: Decodable {
            let level: String
            let event: String?
            let metadata: [String: String]?
        }
        func lines(_ event: String) -> [Line] {
            stage.daemon.process.logText.split(separator: "\n").compactMap {
                try? JSONDecoder().decode(Line.self, from: Data($0.utf8))
            }.filter { $0.event == event }
        }
        // Several threads log the end of a batch.
        try await eventually("the fifth batch is logged") {
            lines("front-doors-updated").contains { $0.level == "info" }
                && lines("gate-settled").count == 5
                && lines("completion-event").contains { $0.level == "debug" }
        }
        #expect(lines("listening").count == 1)
        let begun = lines("issuing-begun")
        #expect(begun.count == 5 && begun.allSatisfy { $0.level == "debug" })
        #expect(begun.allSatisfy { $0.metadata?["coupons"] == "1" && $0.metadata?["count"] == "1" })
        let ended = lines("issuing-ended")
        #expect(ended.map { $0.metadata?["sequences"] } == (1...5).map { "1: \($0)" })
        #expect(ended.allSatisfy { $0.metadata?["issued"] == "1" })
        let settled = lines("gate-settled").map(\.level)
        #expect(settled == ["debug", "debug", "debug", "debug", "info"])
        #expect(lines("front-doors-updated").filter { $0.level == "info" }.count == 1)
        #expect(try await stage.daemon.stop() == .code(0))
    }

    @Test func `a slow request leaves a line with its stages`() async throws {
        let stage = try await LimitStage(["--slow-request", "1ms"])
        _ = try await stage.daemon.client.create(.offer(1, total: nil))
        var user: Int64 = 0
        try await eventually("a request was slow") {
            user += 1
            _ = try await stage.daemon.client.issue(
                IssueRequest(coupon: CouponID(1), user: UserID(user), waitFor: .issued))
            return try stage.metric("coupond_slow_requests_total") > 0
        }
        try await stage.daemon.process.logs("\"event\":\"slow-request\"")
        #expect(try await stage.daemon.stop() == .code(0))
    }

    @Test func `a request of the sample leaves a line, with the trace that its caller sent`()
        async throws
    {
        let stage = try await LimitStage(["--log-sample", "2"])
        let client = stage.daemon.client
        _ = try await client.create(.offer(1, total: nil))
        let ids = (1...3).map { String(repeating: "\($0)", count: 32) }
        // Each event loop counts for itself; a client has one connection.
        for user in 1...4 as ClosedRange<Int64> {
            let trace = TraceContext("00-\(ids[0])-00f067aa0ba902b7-01")
            _ = try await CouponClient.$trace.withValue(trace) {
                try await client.issue(IssueRequest(coupon: CouponID(1), user: UserID(user)))
            }
        }
        let batch = IssueBatch(coupon: CouponID(1), items: (5...6).map { .init(user: UserID($0)) })
        _ = try await CouponClient.$trace.withValue(
            TraceContext("00-\(ids[1])-00f067aa0ba902b7-00")
        ) {
            try await client.issue(batch)
        }
        let run = try await CommandRun(
            builtExecutable("couponctl"),
            [
                "issue", "--coupon", "1", "--user", "7", "--address",
                "127.0.0.1:\(stage.daemon.port)",
            ],
            environment: ["TRACEPARENT": "00-\(ids[2])-00f067aa0ba902b7-01"])
        #expect(run.end == .code(0), "\(run.text)")
        func lines() -> [Substring] {
            stage.daemon.process.logText.split(separator: "\n")
                .filter { $0.contains("\"event\":\"sampled-request\"") }
        }
        try await eventually("the log has them") { lines().count >= 3 }
        #expect(lines().count { $0.contains("\"trace_id\":\"\(ids[0])\"") } == 2)
        #expect(lines().count { $0.contains("\"trace_id\":\"\(ids[1])\"") } == 1)
        #expect(lines().allSatisfy { $0.contains("\"parent_id\":\"00f067aa0ba902b7\"") })
        #expect(lines().allSatisfy { $0.contains("\"outcome\":\"ACCEPTED\"") })
        #expect(try stage.metric("coupond_slow_requests_total") == 0)
        #expect(try await stage.daemon.stop() == .code(0))
    }
}
