/// What one caller may not take from the others: requests beyond the limits are refused, counted and logged,
/// and everybody else is served.
import CouponClient
import CouponCore
import CouponWire
import NIOCore
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(2))) struct CallerLimitTests {
    @Test func `retries beyond the limit are refused, on their connection only`() async throws {
        let stage = try await LimitStage()
        let coupon = try await stage.daemon.offer(total: nil)
        let (retrying, other) = (try stage.connect(), try stage.connect())
        // Retries are sent in parts until the bucket is empty, so that neither side's buffers are ever full.
        var refused: [Response] = []
        var part: UInt64 = 0
        while refused.isEmpty, part < 200 {
            let ids = part * 2_000 + 1...part * 2_000 + 2_000
            part += 1
            try retrying.send(
                ids.flatMap { id in
                    try Request(
                        id: id, deadlineMilliseconds: 20_000,
                        method: .issue(
                            IssueRequest(coupon: coupon, user: UserID(Int64(id)), attempt: 1))
                    ).frame()
                })
            refused = try retrying.failures(among: 2_000)
        }
        #expect(!refused.isEmpty)
        for response in refused {
            #expect(response.isRefusal("too many retries on this connection"))
            #expect(response.id > Limits.retriesAtOnce)
        }
        let request = IssueRequest(coupon: coupon, user: UserID(1 << 40), attempt: 1)
        try other.send(Request(id: 1, method: .issue(request)))
        guard case .issue(.accepted) = try other.response()?.result else {
            throw Unexpected(what: "another connection is refused, too")
        }
        try await stage.expectLimited("retries", by: refused.count)
        #expect(try await stage.daemon.stop() == .code(0))
    }

    @Test func `a guesser of coupon ids gets answers for known coupons only`() async throws {
        let stage = try await LimitStage()
        let coupon = try await stage.daemon.offer(total: nil)
        let guessing = try stage.connect()
        try guessing.send(
            Request(id: 1, method: .issue(IssueRequest(coupon: coupon, user: UserID(1)))))
        _ = try guessing.response()
        var refused = 0
        for part in 0..<15 as Range<Int64> {
            let ids = part * 200 + 1...part * 200 + 200
            try guessing.send(
                ids.flatMap { id in
                    let coupon = CouponID(1_000_000 + id)
                    return try Request(
                        id: UInt64(id), deadlineMilliseconds: 20_000,
                        method: id % 2 == 0
                            ? .issue(IssueRequest(coupon: coupon, user: UserID(1)))
                            : .couponStatus(coupon: coupon, user: nil)
                    ).frame()
                })
            refused += try guessing.responses(200).count {
                $0.isRefusal("too many unknown coupons on this connection")
            }
        }
        #expect(refused > 0)
        try guessing.send(
            Request(id: 2, method: .issue(IssueRequest(coupon: coupon, user: UserID(2)))))
        #expect(try guessing.response()?.result == .issue(.accepted(sequence: 2)))
        let other = try stage.connect()
        try other.send(
            Request(id: 1, method: .issue(IssueRequest(coupon: CouponID(77), user: UserID(2)))))
        #expect(try other.response()?.result == .issue(.notFound))
        try await stage.expectLimited("unknown_coupons", by: refused)
        #expect(try await stage.daemon.stop() == .code(0))
    }

    @Test(arguments: [true, false])
    func `batches are no way around the limit of guesses`(_ asksForStatuses: Bool) async throws {
        let stage = try await LimitStage()
        let guessing = try stage.connect()
        let batches = UInt64(Limits.batchesInFlightPerConnection)
        var (refused, refusedBatches) = (0, 0)
        for round in 1...40 as ClosedRange<UInt64> where refusedBatches == 0 {
            // Single guesses spend the budget: batches alone are too slow for that on a busy machine.
            let ids = round * 1_000..<round * 1_000 + 200 + batches
            try guessing.send(
                ids.flatMap { id in
                    let coupon = CouponID(1_000_000 + Int64(id))
                    let items = [IssueBatch.Item(user: 1), IssueBatch.Item(user: 2)]
                    let method: Request.Method =
                        if id < ids.upperBound - batches {
                            .issue(IssueRequest(coupon: coupon, user: UserID(1)))
                        } else if asksForStatuses {
                            .couponStatusBatch(coupon: coupon, users: [1, 2])
                        } else {
                            .issueBatch(IssueBatch(coupon: coupon, items: items))
                        }
                    return try Request(id: id, deadlineMilliseconds: 20_000, method: method).frame()
                })
            for response in try guessing.responses(ids.count) {
                let refusals = response.unknownCouponRefusals
                refused += refusals
                if response.id >= ids.upperBound - batches { refusedBatches += refusals }
            }
        }
        #expect(refusedBatches > 0)
        try await stage.expectLimited("unknown_coupons", by: refused)
        #expect(try await stage.daemon.stop() == .code(0))
    }

    @Test func `a user beyond the rate is refused on every connection, other users are not`()
        async throws
    {
        let stage = try await LimitStage(["--user-rate", "1"])
        let coupon = try await stage.daemon.offer(total: nil)
        func ask(_ user: Int64) throws -> Response.Result? {
            let socket = try stage.connect()
            let request = IssueRequest(coupon: coupon, user: UserID(user))
            try socket.send(Request(id: 1, method: .issue(request)))
            return try socket.response()?.result
        }
        var refused = 0
        for user in 1...20 as ClosedRange<Int64> {
            guard case .issue = try ask(user) else { throw Unexpected(what: "user \(user)") }
            // A second later there is another token.
            if case .failure(let failure) = try ask(user) {
                #expect(failure.message == "too many requests of this user")
                #expect(failure.retryAfterMilliseconds.map { (1...1_000).contains($0) } == true)
                refused += 1
            }
        }
        #expect(refused > 0)
        try await stage.expectLimited("rate_of_user", by: refused)
        #expect(try await stage.daemon.stop() == .code(0))
    }

    @Test func `requests in flight are limited over all connections`() async throws {
        let stage = try await LimitStage(["--max-requests-in-flight", "4"])
        let coupon = try await stage.daemon.offer(total: nil)
        try await stage.daemon.win(coupon, 1_000)
        let lock = try await stage.world.lock(coupon)
        var callers: [PlainSocket] = []
        for number in 1...8 {
            let socket = try stage.connect()
            let request = IssueRequest(
                coupon: coupon, user: UserID(Int64(number)), waitFor: .issued)
            try socket.send(
                Request(id: 1, deadlineMilliseconds: 60_000, method: .issue(request)))
            try await eventually("request \(number) is in flight, or refused") {
                try socket.isReadable(within: 0)
                    || stage.metric("coupond_requests_in_flight") == number
            }
            callers.append(socket)
        }
        let refused = callers.filter { $0.isReadable(within: 0) }
        #expect(refused.count == 4)
        for caller in refused {
            #expect(try caller.response()?.isRefusal("too many requests are in flight") == true)
        }
        try await lock.release()
        for caller in callers where !refused.contains(where: { $0 === caller }) {
            guard case .issue(.issued) = try caller.response()?.result else {
                throw Unexpected(what: "not issued")
            }
        }
        try await stage.expectLimited("in_flight", by: refused.count)
        try await eventually("there is room again") {
            try await stage.daemon.win(coupon, 2_000)
            return true
        }
        #expect(try await stage.daemon.stop() == .code(0))
    }
}

extension CallerLimitTests {
    @Test func `users of a batch that are answered count until the batch is`() async throws {
        let stage = try await LimitStage(["--user-rate", "1"])
        let coupon = try await stage.daemon.offer(total: nil)
        try await stage.daemon.win(coupon, 1_000)
        let lock = try await stage.world.lock(coupon)
        let socket = try stage.connect()
        let items = (1...20).map { _ in IssueBatch.Item(user: 7) }
        try socket.send(
            Request(
                id: 1, deadlineMilliseconds: 60_000,
                method: .issueBatch(IssueBatch(coupon: coupon, items: items, waitFor: .issued))))
        try await eventually("most are refused, and one waits") {
            try stage.limited("rate_of_user") > 10
        }
        #expect(try stage.metric("coupond_requests_in_flight") == 20)
        try await lock.release()
        guard case .issueBatch(let ends)? = try socket.response()?.result else {
            throw Unexpected(what: "no batch")
        }
        #expect(ends.count == 20)
        #expect(try stage.metric("coupond_requests_in_flight") == 0)
        #expect(try await stage.daemon.stop() == .code(0))
    }
}

/// A daemon with metrics.
struct LimitStage {
    let world: World
    let daemon: Daemon
    let metricsPort: Int

    init(_ arguments: [String] = []) async throws {
        world = try await World()
        metricsPort = Int(try freePort())
        daemon = try await world.daemon(
            ["--metrics-listen", "127.0.0.1:\(metricsPort)"] + arguments)
    }

    func connect() throws -> PlainSocket { try PlainSocket(port: daemon.port) }

    /// The value of a metric's line, such as `coupond_limited_total{reason="idle"}`.
    func metric(_ name: String) throws -> Int {
        let text = try httpGet("/metrics", port: metricsPort)
        let line = text.split(separator: "\n").first { $0.hasPrefix(name + " ") }
        let value = line?.split(separator: " ").last.flatMap { Int($0) }
        return try #require(value, "no \(name) in \(text)")
    }

    func limited(_ reason: String) throws -> Int {
        try metric("coupond_limited_total{reason=\"\(reason)\"}")
    }

    /// The metric has the count, and the log has the reason.
    func expectLimited(_ reason: String, by count: Int) async throws {
        #expect(try limited(reason) == count)
        try await daemon.process.logs("callers met a limit")
    }
}

extension PlainSocket {
    /// The next responses.
    func responses(_ count: Int) throws -> [Response] {
        try (0..<count).map { _ in try #require(try response()) }
    }
}

extension PlainSocket {
    /// The errors among the next responses. Only these are decoded, because decoding takes a debug build
    /// longer than the daemon needs to answer.
    fileprivate func failures(among count: Int) throws -> [Response] {
        let longestOutcome = 40
        return try (0..<count).compactMap { _ in
            let prefix = try #require(try read(FrameSplitter.prefixLength))
            let length = prefix.reduce(0) { $0 << 8 | Int($1) }
            let message = try #require(try read(length))
            guard length > longestOutcome else { return nil }
            var decoder = ResponseDecoder()
            return try decoder.decode(ByteBuffer(bytes: message).readableBytesSpan)
        }
    }
}

extension Response {
    /// How many users were refused because of guesses; a batch of statuses is refused as a whole.
    fileprivate var unknownCouponRefusals: Int {
        if isRefusal("too many unknown coupons on this connection") { return 1 }
        guard case .issueBatch(let ends) = result else { return 0 }
        return ends.count {
            if case .failure(let failure) = $0 { failure.code == .resourceExhausted } else { false }
        }
    }

    /// Whether it is RESOURCE_EXHAUSTED with this message, and says when to try again.
    func isRefusal(_ message: String) -> Bool {
        guard case .failure(let failure) = result else { return false }
        return failure.code == .resourceExhausted && failure.message == message
            && failure.retryAfterMilliseconds != nil
    }
}
