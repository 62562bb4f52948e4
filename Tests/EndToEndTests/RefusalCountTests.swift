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
        // Bytes that are not protobuf, an issue request without fields, and one with a coupon id that cannot
        // exist.
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

    @Test func `slow requests for which a lane has no room are counted`() async throws {
        let stage = try await LimitStage()
        let coupon = try await stage.daemon.offer(total: 1)
        let lock = try await stage.world.lock(coupon)
        let calls = { (method: Request.Method, count: UInt64) throws -> PlainSocket in
            let socket = try stage.connect()
            let frames = try (1...count).flatMap { id in
                try Request(id: id, deadlineMilliseconds: 60_000, method: method).frame()
            }
            try socket.send(frames)
            try socket.send(Request(id: 999, method: .health))
            return socket
        }
        // Each waits for the lock for a second.
        var sockets = [try calls(.pauseCoupon(coupon), 30)]
        for _ in 0..<10 { sockets.append(try calls(.getCoupon(coupon), 128)) }
        var refused = 0
        for socket in sockets {
            while case let answer = try #require(try socket.response()), answer.id != 999 {
                if answer.isRefusal("too many admin calls are waiting") { refused += 1 }
            }
        }
        #expect(refused > 0)
        try await stage.expectLogged(
            "lane", refused, "too many slow requests of all connections wait")
        #expect(try stage.metric("coupond_slow_refused_total{lane=\"admin\"}") == refused)
        #expect(try stage.limited("share") == 0)
        try await lock.release()
        withExtendedLifetime(sockets) {}
    }

    @Test func `issue requests for which a queue has no room are counted`() async throws {
        let stage = try await LimitStage(["--backlog-per-coupon", "5"])
        let coupon = try await stage.daemon.offer(total: nil)
        try await stage.daemon.win(coupon, 1)
        let lock = try await stage.world.lock(coupon)
        let socket = try stage.connect()
        for user in 2...9 as ClosedRange<Int64> {
            let request = IssueRequest(coupon: coupon, user: UserID(user))
            try socket.send(Request(id: UInt64(user), method: .issue(request)))
            let answer = try #require(try socket.response())
            if user <= 6 {
                #expect(answer.result == .issue(.accepted(sequence: user)))
            } else {
                #expect(answer.isRefusal("too many accepted requests wait to be issued"))
            }
        }
        try await stage.expectLogged("queue", 3, "too many issue requests wait")
        try await lock.release()
        try await eventually("all that was accepted is issued") { try stage.world.issued == 6 }
        #expect(try await stage.daemon.stop() == .code(0))
    }

    @Test(.enabled(if: SideNetwork.isPossible, "only root may make a network namespace"))
    func `an address beyond this machine has 16 places at HTTP, and others find one`()
        async throws
    {
        let network = try await SideNetwork()
        let world = try await World()
        let port = Int(try freePort())
        let daemon = try await world.daemon([
            "--metrics-listen", "0.0.0.0:\(port)", "--allow-anonymous-callers",
        ])
        let crowd = try ServerProcess(
            "ip",
            arguments: Array(network.starter.dropFirst()) + [
                "python3", "-c", holdPlaces, network.address, "\(port)",
            ], in: try world.folder.makeFolder("crowd"))
        try await crowd.logs("16 are open, 4 were closed", within: .seconds(60))
        let refused = try httpGet("/metrics", port: port).split(separator: "\n")
            .first { $0.hasPrefix("coupond_http_refused_total ") }?.split(separator: " ").last
        // On a busy machine those who have a place may already be too slow.
        #expect(refused.flatMap { Int($0) } ?? 0 >= 4)
        try await daemon.process.logs("a request over HTTP was refused", "too many connections")
        // A place is free when a connection ends.
        _ = try await crowd.terminate()
        let page = "http://\(network.address):\(port)/livez"
        let ask = "import urllib.request as r; print(r.urlopen('\(page)').read())"
        try await eventually("there is a place again") {
            let run = try await CommandRun(
                "ip", Array(network.starter.dropFirst()) + ["python3", "-c", ask])
            return run.text.contains("alive")
        }
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `a place that is refused in a crowd is counted and logged`() async throws {
        let stage = try await LimitStage(["--max-connections", "4"])
        var sockets: [PlainSocket] = []
        for _ in 0..<150 { sockets.append(try stage.connect()) }
        try await eventually("all are counted") {
            // On a slow machine those that got in may end before the last one has come.
            try (144...147).contains(stage.limited("connections"))
        }
        try await stage.daemon.process.logs("too many connections")
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
        #expect(try slow.read(1) == nil)
        try await eventually("it is counted") { try refused() == 3 }
        for reason in ["POST", "too long", "too slow"] {
            try await stage.daemon.process.logs(
                "a request over HTTP was refused", reason, "127.0.0.1")
        }
        #expect(try await stage.daemon.stop() == .code(0))
    }
}

/// Opens 20 connections, which say nothing, and holds those that stay open.
private let holdPlaces = """
    import select, socket, sys, time
    place = (sys.argv[1], int(sys.argv[2]))
    sockets = [socket.create_connection(place) for _ in range(20)]
    end = time.monotonic() + 60
    closed = set()
    while len(closed) < 4 and time.monotonic() < end:
        closed |= set(select.select([s for s in sockets if s not in closed], [], [], 0.1)[0])
    print(f"{20 - len(closed)} are open, {len(closed)} were closed", flush=True)
    time.sleep(600)
    """

extension LimitStage {
    /// The metric has the count, and the log a line with the reason.
    fileprivate func expectLogged(_ reason: String, _ count: Int, _ text: String) async throws {
        #expect(try limited(reason) == count)
        try await daemon.process.logs("callers met a limit", text)
    }
}
