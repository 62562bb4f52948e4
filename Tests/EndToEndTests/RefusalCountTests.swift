/// Every refusal is counted, and has a line in the log.
import CouponCore
import CouponWire
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(2))) struct RefusalCountTests {
    @Test func `frames that are too long and messages that nobody can read are counted`()
        async throws
    {
        let stage = try await LimitStage()
        for length in [[0, 0, 0, 0], [1, 0, 0, 0]] as [[UInt8]] {
            let socket = try stage.connect()
            try socket.send(length)
            #expect(try socket.failure().failure.code == .invalidArgument)
            #expect(try socket.response() == nil)
        }
        let socket = try stage.connect()
        // No protobuf, an issue request without fields, and one with a coupon id that cannot exist.
        for message in [[0xFF], [0x08, 0x05, 0x52, 0x00], [0x08, 0x05, 0x52, 0x02, 0x08, 0x00]]
            as [[UInt8]]
        {
            try socket.sendFrame(message)
            #expect(try socket.failure().failure.code == .invalidArgument)
        }
        try socket.checkAlive()
        try await stage.expectLogged("frame_length", 2, "the length of a frame is not allowed")
        try await stage.expectLogged("invalid_request", 3, "requests cannot be read")
        #expect(try await stage.daemon.stop() == .code(0))
    }

    @Test func `batches beyond those that may be unanswered are counted`() async throws {
        let stage = try await LimitStage()
        let coupon = try await stage.daemon.offer(total: nil)
        try await stage.daemon.win(coupon, 1_000)
        let lock = try await stage.world.lock(coupon)
        let socket = try stage.connect()
        for id in 1...10 as ClosedRange<UInt64> {
            let batch = IssueBatch(
                coupon: coupon, items: [IssueBatch.Item(user: UserID(Int64(id)))],
                waitFor: .issued)
            try socket.send(
                Request(id: id, deadlineMilliseconds: 60_000, method: .issueBatch(batch)))
        }
        for _ in 0..<6 {
            let answer = try #require(try socket.response())
            #expect(answer.isRefusal("too many batches of this connection are unanswered"))
        }
        try await stage.expectLogged("share", 6, "too many slow requests of one connection")
        try await lock.release()
        #expect(try await stage.daemon.stop() == .code(0))
    }

    @Test func `a place that is refused in a crowd is counted and logged`() async throws {
        let stage = try await LimitStage(["--max-connections", "4"])
        var sockets: [PlainSocket] = []
        for _ in 0..<150 { sockets.append(try stage.connect()) }
        try await eventually("all are counted") {
            try stage.limited("connections") == 147
        }
        try await eventually("it is logged") {
            stage.daemon.process.logTail(lines: 10_000).contains("too many connections")
        }
        withExtendedLifetime(sockets) {}
        #expect(try await stage.daemon.stop() == .code(0))
    }

    @Test func `what HTTP refuses is counted and logged`() async throws {
        let stage = try await LimitStage()
        let refused = { try stage.metric("coupond_http_refused_total") }
        #expect(
            try httpRequest("POST /metrics HTTP/1.1", over: PlainSocket(port: stage.metricsPort))
                .hasPrefix("HTTP/1.1 405"))
        #expect(try refused() == 1)
        let long = "GET /livez HTTP/1.1\r\nx: " + String(repeating: "a", count: 9_000)
        #expect(
            try httpRequest(long, over: PlainSocket(port: stage.metricsPort))
                .hasPrefix("HTTP/1.1 431"))
        #expect(try refused() == 2)
        let slow = try PlainSocket(port: stage.metricsPort)
        try slow.send(Array("GET".utf8))
        #expect(try slow.readPatiently() == nil)
        try await eventually("it is counted") { try refused() == 3 }
        for reason in ["POST", "too long", "too slow"] {
            try await eventually("\(reason) is logged") {
                stage.daemon.process.logTail(lines: 10_000).split(separator: "\n").contains {
                    $0.contains("a request over HTTP was refused") && $0.contains(reason)
                        && $0.contains("127.0.0.1")
                }
            }
        }
        #expect(try await stage.daemon.stop() == .code(0))
    }
}

extension LimitStage {
    /// The metric has the count, and the log a line with the reason.
    fileprivate func expectLogged(_ reason: String, _ count: Int, _ text: String) async throws {
        #expect(try limited(reason) == count)
        try await eventually("the log has it") {
            daemon.process.logTail(lines: 10_000).split(separator: "\n").contains {
                $0.contains("callers met a limit") && $0.contains(text)
            }
        }
    }
}

extension PlainSocket {
    /// A byte; nil at the end, however long that takes.
    fileprivate func readPatiently() throws -> [UInt8]? {
        for _ in 0..<60 where !isReadable(within: 1) {}
        return try read(1)
    }
}
