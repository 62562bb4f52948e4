import CouponClient
import CouponCore
import Foundation
import TestSupport
import TestWorld
import Testing

private let chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].contains {
    FileManager.default.isExecutableFile(atPath: $0)
}

/// The page and the document behind it, of a daemon that sells.
@Suite(.machine(.asking), .timeLimit(.minutes(5))) struct StatusPageTests {
    /// What a document says, as far as a test looks.
    private struct Document: Decodable {
        struct Coupon: Decodable {
            let id, title: String
            let total: Int64?
            let issued: Int64
        }
        struct Partition: Decodable {
            let id: Int
            let owned, open: Bool
            let owner: String?
        }
        struct Action: Decodable { let method: String, coupon: String? }
        let ready: Bool
        let trouble: String?
        let metrics: [String: Double]
        let partitions: [Partition]
        let coupons: [Coupon]
        let actions: [Action]
    }

    private func document(_ stage: LimitStage) throws -> Document {
        let text = try httpGet("/status.json", port: stage.metricsPort)
        #expect(text.hasPrefix("HTTP/1.1 200") && text.contains("content-type: application/json"))
        let body = try #require(text.firstRange(of: "\r\n\r\n"))
        return try JSONDecoder().decode(Document.self, from: Data(text[body.upperBound...].utf8))
    }

    /// A sale of three coupons of which one sells out.
    private func sell(_ stage: LimitStage) async throws {
        for id in 1...3 as ClosedRange<Int64> {
            var coupon = Coupon.offer(id, total: id == 1 ? 20 : 200)
            coupon.title = id == 2 ? "<b>봄 \"sale\"</b>" : "Coupon \(id)"
            _ = try await stage.daemon.client.create(coupon)
        }
        for user in 1...30 as ClosedRange<Int64> {
            for id in 1...3 as ClosedRange<Int64> {
                _ = try await stage.daemon.client.issue(
                    IssueRequest(coupon: CouponID(id), user: UserID(user), waitFor: .issued))
            }
        }
        try await eventually("the tables are read, and the queues are seen empty") {
            let document = try document(stage)
            let queued = document.metrics.filter { $0.key.hasPrefix("coupond_queue_entries{") }
            return document.coupons.map(\.issued).reduce(0, +) == 80
                && queued.values.allSatisfy { $0 == 0 } && document.actions.count == 3
        }
    }

    @Test func `the document has the numbers of the metrics, the coupons and the trail`()
        async throws
    {
        let stage = try await LimitStage()
        try await sell(stage)
        let document = try document(stage)
        #expect(document.ready && document.trouble == nil)
        #expect(document.partitions.count == 16)
        #expect(document.partitions.allSatisfy { $0.owned && $0.open })
        #expect(document.coupons.first { $0.id == "2" }?.title == "<b>봄 \"sale\"</b>")
        #expect(document.coupons.first { $0.id == "1" }?.total == 20)
        #expect(document.actions.allSatisfy { $0.method == "create_coupon" })
        for name in [
            "coupond_issued_total", "coupond_bounced_total", "coupond_connections",
            "coupond_requests_total{outcome=\"issued\"}",
        ] {
            try await eventually("the document has the page's \(name)") {
                try self.document(stage).metrics[name] == Double(stage.metric(name))
            }
        }
        let page = try httpGet("/?theme=any", port: stage.metricsPort)
        #expect(page.contains("content-type: text/html; charset=utf-8\r\n"))
        #expect(page.contains("content-security-policy: default-src 'none'; "))
        #expect(page.contains("<title>coupond</title>"))
        #expect(try await stage.daemon.stop() == .code(0))
    }

    @Test func `the document names the daemons that own the other partitions`() async throws {
        let stage = try await LimitStage()
        let other = try await stage.world.daemon()
        let name = "/\(other.process.pid)"
        try await eventually("each daemon has its half") {
            let partitions = try document(stage).partitions
            return partitions.count { $0.owned } == 8
                && partitions.allSatisfy { $0.owned || $0.owner?.hasSuffix(name) == true }
        }
        let own = try document(stage).partitions.filter(\.owned)
        #expect(own.allSatisfy { $0.owner?.hasSuffix("/\(stage.daemon.process.pid)") == true })
        #expect(own.allSatisfy { $0.owner?.hasPrefix("coupond ") == true })
        #expect(try await other.stop() == .code(0))
        #expect(try await stage.daemon.stop() == .code(0))
    }

    @Test func `the document is served without PostgreSQL too`() async throws {
        let world = try await World(ownPostgres: true)
        let port = Int(try freePort())
        let daemon = try await world.daemon(["--metrics-listen", "127.0.0.1:\(port)"])
        try await world.postgres.stop()
        try await eventually("it names the trouble") {
            try httpGet("/status.json", port: port).contains("\"tables_trouble\":\"")
        }
        _ = daemon
    }

    @Test(.enabled(if: chromium, "chromium is not installed"), arguments: [1240, 390])
    func `in a browser the page follows a sale, and shows the numbers of the metrics`(
        _ width: Int
    ) async throws {
        let stage = try await LimitStage()
        try await sell(stage)
        _ = try await stage.daemon.client.create(.offer(4, total: nil))
        let over = stage.world.folder.file("over")
        let check = try ServerProcess(
            "/usr/bin/python3",
            arguments: [
                repositoryRoot + "/Scripts/check-status-page",
                "http://127.0.0.1:\(stage.metricsPort)", "--width", "\(width)", "--sale-ends", over,
            ] + (width < 600 ? ["--dark"] : []),
            in: try stage.world.folder.makeFolder("check"))
        var user: Int64 = 0
        try await eventually(
            "the page follows the sale: \(check.logTail(lines: 10))", within: .seconds(90)
        ) {
            for _ in 1...20 {
                user += 1
                _ = try await stage.daemon.win(CouponID(4), user)
            }
            return !check.isRunning || check.logTail(lines: 10).contains("the page follows")
        }
        try "over\n".write(toFile: over, atomically: true, encoding: .utf8)
        let end = try await check.waitForEnd(within: .seconds(60))
        #expect(end == .code(0), "\(check.logTail(lines: 100))")
        #expect(try await stage.daemon.stop() == .code(0))
    }
}
