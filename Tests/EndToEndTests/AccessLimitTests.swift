/// The limits of principals and of listeners, and the end of what a caller has begun.
import CouponClient
import CouponCore
import CouponWire
import NIOCore
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(3))) struct AccessLimitTests {
    private static func line(_ name: String, _ rest: String) -> String {
        CallersWorld.line(name, rest)
    }

    // MARK: Principals

    @Test func `a principal's rate counts every method, over all its connections`() async throws {
        let world = try await CallersWorld(
            [Self.line("reader", "roles=reader rate=5"), Self.line("anna", "roles=admin")])
        let admin = world.client("anna")
        _ = try await admin.create(.offer(1, total: nil))
        await admin.close()
        let methods: [Request.Method] = [
            .couponStatus(coupon: CouponID(1), user: nil),
            .couponStatusBatch(coupon: CouponID(1), users: [1, 2, 3]),
        ]
        for method in methods {
            var refused = 0
            for _ in 0..<3 {
                let socket = try world.socket("reader")
                for id in 2...21 as ClosedRange<UInt64> {
                    try socket.send(Request(id: id, deadlineMilliseconds: 20_000, method: method))
                }
                refused += try socket.responses(20).count {
                    $0.isRefusal("too many requests of this principal")
                }
                try socket.checkAlive()
            }
            #expect(refused > 30, "\(method.name)")
        }
        #expect(try world.limited("rate_of_principal") > 60)
        try await world.daemon.process.logs("too many requests of this principal")
    }

    @Test func `a principal's rates hold for issue requests, alone and in batches`() async throws {
        let world = try await CallersWorld(
            [
                Self.line("shop", "roles=issuer rate=3"),
                Self.line("kiosk", "roles=issuer user-rate=1"), Self.line("anna", "roles=admin"),
            ])
        let admin = world.client("anna")
        _ = try await admin.create(.offer(1, total: nil))
        await admin.close()
        func isRefused(_ end: Result<Outcome, Failure>, _ message: String) -> Bool {
            if case .failure(let failure) = end { failure.message == message } else { false }
        }
        let shop = try world.socket("shop")
        let items = (1...20).map { IssueBatch.Item(user: UserID(Int64($0))) }
        try shop.send(Request(id: 2, method: .issueBatch(IssueBatch(coupon: 1, items: items))))
        guard case .issueBatch(let ends)? = try shop.response()?.result else {
            throw Unexpected(what: "no batch")
        }
        #expect(ends.count { isRefused($0, "too many requests of this principal") } > 10)
        let kiosk = try world.socket("kiosk")
        let same = Array(repeating: IssueBatch.Item(user: 7), count: 20)
        try kiosk.send(Request(id: 2, method: .issueBatch(IssueBatch(coupon: 1, items: same))))
        guard case .issueBatch(let ends)? = try kiosk.response()?.result else {
            throw Unexpected(what: "no batch")
        }
        #expect(ends.count { isRefused($0, "too many requests of this user") } > 10)
        #expect(try world.limited("rate_of_principal") > 10)
        #expect(try world.limited("rate_of_user") > 10)
    }

    @Test func `a principal has its number of connections, and other principals are not limited`()
        async throws
    {
        let world = try await CallersWorld(
            [Self.line("shop", "roles=issuer connections=2"), Self.line("kiosk", "roles=issuer")])
        let first = try world.socket("shop")
        let second = try world.socket("shop")
        let third = try PlainSocket(port: world.daemon.port)
        try third.send(Request(id: 1, method: .authenticate(token: Array("shop".utf8))))
        let answers = try [third.response(), third.response()].compactMap(\.self)
        #expect(answers.count == 1, "only why it ends: \(answers)")
        #expect(
            answers.contains {
                $0.id == 0
                    && $0.result
                        == .failure(
                            .exhausted("too many connections of this principal"))
            })
        try first.checkAlive()
        try second.checkAlive()
        try world.socket("kiosk").checkAlive()
        #expect(try world.limited("connections_of_principal") == 1)
        try await world.daemon.process.logs("too many connections of this principal")
    }

    @Test func `a reload that allows fewer connections says nothing of requests in progress`()
        async throws
    {
        let anna = Self.line("anna", "roles=reader,admin")
        let world = try await CallersWorld([Self.line("shop", "roles=issuer"), anna])
        let admin = world.client("anna")
        _ = try await admin.create(.offer(1, total: nil))
        let lock = try await world.world.lock(CouponID(1))
        let idle = try world.socket("shop")
        let busy = try (1...2 as ClosedRange<Int64>).map { user in
            let socket = try world.socket("shop")
            let issue = IssueRequest(coupon: CouponID(1), user: UserID(user), waitFor: .issued)
            try socket.send(Request(id: 2, deadlineMilliseconds: 60_000, method: .issue(issue)))
            return socket
        }
        try await eventually("both are accepted") {
            try await admin.status(of: CouponID(1)).accepted == 2
        }
        try await world.reload([Self.line("shop", "roles=issuer connections=1"), anna], as: "anna")
        // Any of the three connections may stay.
        try await eventually("two end") {
            ([idle] + busy).count { $0.isReadable(within: 0) } == 2
        }
        for socket in [idle] + busy where socket.isReadable(within: 0) {
            let (id, failure) = try socket.failure()
            #expect(id == 0 && failure.code == .resourceExhausted)
            #expect(failure.acceptance == (socket === idle ? .notAccepted : .unknown))
        }
        try await lock.release()
        try await eventually("both are issued") {
            try await admin.status(of: CouponID(1)).coupon.issued == 2
        }
        await admin.close()
    }

    @Test func `strangers are refused while neither Redis nor PostgreSQL answers`() async throws {
        let world = try await World(ownPostgres: true)
        let file = try world.folder.write(Self.line("shop", "roles=issuer") + "\n", to: "callers")
        let daemon = try await world.daemon(["--callers-file", file])
        world.redis.freeze()
        world.postgres.pause()
        defer {
            world.redis.thaw()
            world.postgres.resume()
        }
        let methods: [Request.Method] = [
            .issue(IssueRequest(coupon: CouponID(1), user: UserID(1))),
            .issueBatch(IssueBatch(coupon: 1, items: [IssueBatch.Item(user: 1)])),
            .couponStatus(coupon: CouponID(1), user: nil),
            .couponStatusBatch(coupon: CouponID(1), users: [1]),
            .watch(EventQuestion(.now, waitMilliseconds: 0)), .getCoupon(CouponID(1)), .reload,
        ]
        let stranger = try PlainSocket(port: daemon.port)
        // All are sent at once: the daemon reads a request when the one before is answered.
        try stranger.send(
            (0..<700).flatMap { number in
                try Request(id: UInt64(number + 1), method: methods[number % methods.count]).frame()
            })
        var answered: Set<UInt64> = []
        for _ in 0..<700 {
            let (id, failure) = try stranger.failure()
            #expect(failure.code == .unauthenticated)
            answered.insert(id)
        }
        #expect(answered == Set(1...700))
    }

    // MARK: The listener of admin methods

    @Test func `admin-listen has places of its own, and no more`() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("admin.sock")
        let stage = try await LimitStage(
            ["--max-connections", "4", "--admin-listen", "unix:\(path)"])
        let daemon = stage.daemon
        // The world's own client has one of the four places.
        let callers = try (1...3).map { _ in try PlainSocket(port: daemon.port) }
        for caller in callers { try caller.checkAlive() }
        var admins: [PlainSocket] = []
        var refused = 0
        for _ in 0..<100 {
            let admin = try PlainSocket(path: path)
            try? admin.send(Request(id: 1, method: .health))
            if let response = try? admin.response(), response.id == 1 {
                admins.append(admin)
            } else {
                refused += 1
            }
        }
        #expect(admins.count == 64 && refused == 36)
        for caller in callers { try caller.checkAlive() }
        #expect(try stage.metric("coupond_limited_total{reason=\"connections\"}") == 36)
        // Admins took no place from callers, and callers took none from admins.
        admins.removeAll()
        try await eventually("an admin gets in while callers have taken all places") {
            let admin = try PlainSocket(path: path)
            try admin.send(Request(id: 1, method: .listCoupons(after: CouponID(0), limit: 1)))
            guard case .coupons? = try admin.response()?.result else { return false }
            return true
        }
        #expect(try await daemon.stop() == .code(0))
    }

    // MARK: What a caller has begun

    /// A principal that expires in the second of a time.
    private static func late(_ time: Timestamp) -> String {
        let seconds = Timestamp(microseconds: time.microseconds / 1_000_000 * 1_000_000)
        return line("late", "roles=reader,operator,admin expires=\(seconds.rfc3339)")
    }

    @Test func `a principal that ends gets no answer that is still being read`() async throws {
        let anna = Self.line("anna", "roles=admin")
        let world = try await CallersWorld([Self.late(.now(plus: 3_600)), anna], ownPostgres: true)
        let admin = world.client("anna")
        _ = try await admin.create(.offer(1, total: 5))
        let socket = try world.socket("late")
        // Before the daemon gives up a session with a PostgreSQL that says nothing.
        try await world.reload([Self.late(.now(plus: 6)), anna], as: "anna")
        let status = Request.Method.couponStatus(coupon: CouponID(1), user: nil)
        // The daemon does not first check a session that has just been used.
        try socket.send(Request(id: 3, deadlineMilliseconds: 60_000, method: status))
        #expect(try socket.response()?.id == 3)
        world.world.postgres.pause()
        defer { world.world.postgres.resume() }
        try socket.send(Request(id: 2, deadlineMilliseconds: 60_000, method: status))
        let (id, failure) = try socket.failure()
        #expect(id == 0 && failure.code == .unauthenticated)
        world.world.postgres.resume()
        let answer = try #require(try socket.response())
        #expect(answer.id == 2)
        guard case .failure(let reason) = answer.result else {
            throw Unexpected(what: "the status was told: \(answer)")
        }
        #expect(reason.code == .unavailable)
        await admin.close()
    }

    @Test func `requests of an expired principal that have not begun are not done`()
        async throws
    {
        let late = Self.late
        let anna = Self.line("anna", "roles=admin,operator")
        let world = try await CallersWorld([late(.now(plus: 3_600)), anna])
        let admin = world.client("anna")
        _ = try await admin.create(.offer(1, total: 5))
        let lock = try await world.world.lock(CouponID(1))
        let socket = try world.socket("late")
        try await world.reload([late(.now(plus: 10)), anna], as: "anna")
        // Each waits for a second.
        for id in UInt64(2)...30 {
            try socket.send(
                Request(id: id, deadlineMilliseconds: 60_000, method: .pauseCoupon(CouponID(1))))
        }
        try socket.send(
            Request(
                id: 99, deadlineMilliseconds: 60_000, method: .createCoupon(.offer(77, total: 1)))
        )
        var answers: [Response] = []
        while let answer = try socket.response() { answers.append(answer) }
        #expect(
            answers.contains { answer in
                if case .failure(let failure) = answer.result, answer.id == 0 {
                    failure.code == .unauthenticated
                } else {
                    false
                }
            })
        let created = answers.first { $0.id == 99 }
        guard case .failure? = created?.result else {
            throw Unexpected(what: "it was created: \(String(describing: created))")
        }
        try await lock.release()
        await #expect(throws: ClientError.refused(.noCoupon(CouponID(77)))) {
            try await admin.coupon(CouponID(77))
        }
        await admin.close()
    }

    @Test func `a principal that is revoked sees no event that is later`() async throws {
        let anna = Self.line("anna", "roles=admin,issuer")
        let world = try await CallersWorld([Self.line("spy", "roles=watcher"), anna])
        let admin = world.client("anna")
        _ = try await admin.create(.offer(1, total: nil))
        let spy = try world.socket("spy")
        try spy.send(
            Request(
                id: 2, deadlineMilliseconds: 60_000,
                method: .watch(EventQuestion(.now, waitMilliseconds: 30_000))))
        try await eventually("it waits") {
            try httpGet("/metrics", port: world.metrics)
                .contains("\ncoupond_slow_waiting{lane=\"watches\"} 1\n")
        }
        try await world.reload([anna], as: "anna")
        let (id, failure) = try spy.failure()
        #expect(id == 0 && failure.code == .unauthenticated)
        _ = try await admin.issue(
            IssueRequest(coupon: CouponID(1), user: UserID(1), waitFor: .issued))
        while let answer = try spy.response() {
            if case .events(let page) = answer.result { #expect(page.events.isEmpty) }
        }
        await admin.close()
    }
}

extension CallersWorld {
    /// How often a limit was met.
    func limited(_ reason: String) throws -> Int {
        let name = "coupond_limited_total{reason=\"\(reason)\"} "
        let page = try httpGet("/metrics", port: metrics)
        let line = page.split(separator: "\n").first { $0.hasPrefix(name) }
        return try #require(line.flatMap { Int($0.dropFirst(name.count)) })
    }
}
