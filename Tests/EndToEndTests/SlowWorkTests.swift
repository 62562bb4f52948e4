/// Slow methods wait in lanes, and no request waits behind the work of another lane.
import CouponClient
import CouponCore
import CouponWire
import NIOCore
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.overloading), .timeLimit(.minutes(2))) struct SlowWorkTests {
    @Test
    func `a flood of statuses does not delay first requests, admins or recovery`()
        async throws
    {
        let world = try await World()
        let port = Int(try freePort())
        let daemon = try await world.daemon(["--metrics-listen", "127.0.0.1:\(port)"])
        let flooded = try await daemon.offer(total: nil)
        // Nobody has requested these yet, so they must be looked up and loaded.
        let fresh = [try await daemon.offer(total: 1), try await daemon.offer(total: 1)]
        let flood = try StatusFlood(of: flooded, connections: 16, daemon)
        defer { flood.end() }
        try await flood.waitUntilOn()
        let first = try? await daemon.client.issue(
            IssueRequest(coupon: fresh[0], user: UserID(1), waitFor: .issued),
            deadline: .seconds(15))
        #expect(first?.isIssued == true, "the first request of a coupon")
        let paused = try? await daemon.client.pause(flooded, deadline: .seconds(15))
        #expect(paused?.state == .paused)
        try await flood.waitUntilOn()
        try await world.redis.cli("FLUSHALL")
        try await eventually("a request after the loss of Redis' data is issued") {
            let outcome = try await daemon.client.issue(
                IssueRequest(coupon: fresh[1], user: UserID(1), waitFor: .issued),
                deadline: .seconds(5))
            return outcome.isIssued
        }
        try await flood.waitUntilOn()
        try await eventually("a status waits for the next batch") {
            try metric("coupond_slow_waiting{lane=\"statuses\"}", port) > 0
        }
        #expect(try metric("coupond_slow_refused_total{lane=\"statuses\"}", port) > 0)
        #expect(try metric("coupond_slow_refused_total{lane=\"loads\"}", port) == 0)
    }

    @Test func `a lookup does not wait for a load`() async throws {
        let world = try await World()
        let daemon = try await world.daemon()
        let coupon = try await daemon.offer(total: 1)
        let lock = try await world.hold("LOCK TABLE coupond.coupon_issue")
        let first = Task {
            try await daemon.client.issue(
                IssueRequest(coupon: coupon, user: UserID(1)), deadline: .seconds(60),
                retrying: RetryPolicy(tries: 40))
        }
        func areWaiting() throws -> Bool {
            try world.sql(
                """
                SELECT count(*) > 0 FROM pg_locks
                WHERE NOT granted AND relation = 'coupond.coupon_issue'::regclass
                """) == "t"
        }
        // A load waits for a second, and begins again after a pause.
        var unknown: Int64 = 99
        try await eventually("an id is looked up while a load waits for the lock") {
            guard try areWaiting() else { return false }
            unknown += 1
            let answer = try await daemon.client.issue(
                IssueRequest(coupon: CouponID(unknown), user: UserID(1)), deadline: .seconds(60))
            #expect(answer == .notFound)
            return try areWaiting()
        }
        try await lock.release()
        _ = try? await first.value
    }

    @Test func `one connection has few lists in flight and does not delay another one`()
        async throws
    {
        let world = try await World()
        let daemon = try await world.daemon()
        let coupon = try await daemon.offer(total: 1)
        let lock = try await world.lock(coupon)
        let admin = try keepAdminsWaiting(daemon, coupon)
        let client = try PlainSocket(port: daemon.port)
        let count = UInt64(Limits.listsInFlightPerConnection) + 6
        let lists = try (1...count).flatMap { id in
            try Request(
                id: id, deadlineMilliseconds: 60_000,
                method: .listCoupons(after: CouponID(0), limit: 500)
            ).frame()
        }
        try client.send(lists)
        for _ in 0..<6 {
            let failure = try client.failure().failure
            #expect(failure.code == .resourceExhausted)
            #expect(failure.retryAfterMilliseconds != nil)
        }
        #expect(try await daemon.client.status(of: coupon).coupon.id == coupon)
        try await lock.release()
        for _ in 0..<Limits.listsInFlightPerConnection {
            guard case .coupons = try #require(try client.response()).result else {
                throw Unexpected(what: "no list")
            }
        }
        withExtendedLifetime(admin) {}
    }

    @Test func `a job does not begin if its caller's connection is gone`() async throws {
        let world = try await World()
        let port = Int(try freePort())
        let daemon = try await world.daemon(["--metrics-listen", "127.0.0.1:\(port)"])
        let coupon = try await daemon.offer(total: 1)
        let lock = try await world.lock(coupon)
        let admin = try keepAdminsWaiting(daemon, coupon)
        let connections = try metric("coupond_connections", port)
        let waiting = try metric("coupond_slow_waiting{lane=\"admin\"}", port)
        var client: PlainSocket? = try PlainSocket(port: daemon.port)
        try client?.send(Request(id: 1, method: .createCoupon(.offer(77, total: 1))))
        try await eventually("it waits for its turn") {
            try metric("coupond_slow_waiting{lane=\"admin\"}", port) > waiting
        }
        client?.breakOff()
        client = nil
        try await eventually("the connection is gone") {
            try metric("coupond_connections", port) == connections
        }
        try await lock.release()
        await #expect(throws: ClientError.refused(.noCoupon(CouponID(77)))) {
            try await daemon.client.coupon(CouponID(77))
        }
        withExtendedLifetime(admin) {}
    }

    /// The users of each batch.
    private let users = (1...1_000).map { UserID(Int64($0)) }

    /// A daemon with a PostgreSQL of its own, the port of its metrics, and a coupon.
    private func serve() async throws -> (World, Daemon, port: Int, CouponID) {
        let world = try await World(ownPostgres: true)
        let port = Int(try freePort())
        let daemon = try await world.daemon(["--metrics-listen", "127.0.0.1:\(port)"])
        return (world, daemon, port, try await daemon.offer(total: nil))
    }

    /// A connection that has sent as many batches of statuses as it may have unanswered.
    private func reader(of coupon: CouponID, _ daemon: Daemon) throws -> PlainSocket {
        let reader = try PlainSocket(port: daemon.port)
        for id in 1...UInt64(Limits.batchesInFlightPerConnection) {
            try reader.send(
                Request(
                    id: id, deadlineMilliseconds: 60_000,
                    method: .couponStatusBatch(coupon: coupon, users: users)))
        }
        try reader.checkAlive()
        return reader
    }

    @Test func `batches of a connection that is gone hold no places`() async throws {
        let (world, daemon, port, coupon) = try await serve()
        world.postgres.pause()
        defer { world.postgres.resume() }
        do {
            let reader = try reader(of: coupon, daemon)
            let all = Limits.batchesInFlightPerConnection * users.count
            #expect(try metric("coupond_requests_in_flight", port) == Double(all))
            withExtendedLifetime(reader) {}
        }
        world.postgres.resume()
        try await eventually("nothing is in flight") {
            try metric("coupond_requests_in_flight", port) == 0
        }
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `few readers of batches leave room for the statuses of others`() async throws {
        let (world, daemon, port, coupon) = try await serve()
        world.postgres.pause()
        defer { world.postgres.resume() }
        let readers = try (0..<4).map { _ in try reader(of: coupon, daemon) }
        #expect(try metric("coupond_slow_waiting{lane=\"statuses\"}", port) < 1_024)
        #expect(try metric("coupond_slow_refused_total{lane=\"statuses\"}", port) == 0)
        #expect(try metric("coupond_requests_in_flight", port) == 16_000)
        let other = try PlainSocket(port: daemon.port)
        try other.send(
            Request(
                id: 1, deadlineMilliseconds: 60_000,
                method: .couponStatus(coupon: coupon, user: UserID(1))))
        // A refusal would come at once, and so before the answer to this check.
        try other.checkAlive()
        world.postgres.resume()
        #expect(try #require(try other.response()).id == 1)
        for reader in readers {
            for _ in 0..<Limits.batchesInFlightPerConnection {
                let answer = try #require(try reader.response())
                if case .failure(let failure) = answer.result {
                    #expect(failure.code != .resourceExhausted)
                }
            }
        }
        let client = daemon.client
        try await eventually("a batch of a thousand is answered in full") {
            let statuses = try await client.status(of: coupon, users: users)
            return statuses.users.count == 1_000
        }
        try await eventually("nothing is in flight") {
            try metric("coupond_requests_in_flight", port) == 0
        }
    }

    @Test func `batches with short deadlines hold no more places in the lane than others`()
        async throws
    {
        let (world, daemon, port, coupon) = try await serve()
        world.postgres.pause()
        defer { world.postgres.resume() }
        let eager = try PlainSocket(port: daemon.port)
        for round in 0..<20 {
            for id in 1...UInt64(Limits.batchesInFlightPerConnection) {
                try eager.send(
                    Request(
                        id: id, deadlineMilliseconds: 1,
                        method: .couponStatusBatch(coupon: coupon, users: users)))
            }
            for _ in 0..<Limits.batchesInFlightPerConnection {
                let failure = try eager.failure().failure
                // A session with a PostgreSQL that says nothing may be given up.
                #expect(
                    [.deadlineExceeded, .unavailable].contains(failure.code),
                    "round \(round): \(failure)")
            }
        }
        // The statuses that a lane has taken already do not count as waiting.
        #expect(try metric("coupond_slow_waiting{lane=\"statuses\"}", port) <= 128)
        world.postgres.resume()
        try await eventually("nothing is in flight, and a batch is answered") {
            let statuses = try await daemon.client.status(of: coupon, users: users)
            return try metric("coupond_requests_in_flight", port) == 0
                && statuses.users.count == 1_000
        }
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `one operator does not fill the lane of admins`() async throws {
        let world = try await World()
        let port = Int(try freePort())
        let daemon = try await world.daemon(["--metrics-listen", "127.0.0.1:\(port)"])
        let coupon = try await daemon.offer(total: 1)
        let lock = try await world.lock(coupon)
        let admin = try keepAdminsWaiting(daemon, coupon)
        let eager = try PlainSocket(port: daemon.port)
        let calls = try (1...300 as ClosedRange<UInt64>).flatMap { id in
            try Request(
                id: id, deadlineMilliseconds: 60_000, method: .getCoupon(coupon)
            ).frame()
        }
        try eager.send(calls)
        try eager.send(Request(id: 999, method: .health))
        var refused = 0
        while true {
            let answer = try #require(try eager.response())
            if answer.id == 999 { break }
            guard case .failure(let failure) = answer.result else { continue }
            #expect(failure.code == .resourceExhausted && failure.retryAfterMilliseconds != nil)
            refused += 1
        }
        // An admin's call ends each second: then one of these begins, and another one finds its place.
        #expect((160...300 - 128).contains(refused))
        #expect(try metric("coupond_limited_total{reason=\"share\"}", port) == Double(refused))
        try await lock.release()
        withExtendedLifetime(admin) {}
    }

    /// Sends admin calls that wait for a locked coupon, one after the other, for a second each.
    private func keepAdminsWaiting(_ daemon: Daemon, _ coupon: CouponID) throws -> PlainSocket {
        let admin = try PlainSocket(port: daemon.port)
        for id in UInt64(1)...30 {
            try admin.send(
                Request(id: id, deadlineMilliseconds: 60_000, method: .pauseCoupon(coupon)))
        }
        // When this is answered, the calls are in the lane, and later calls wait behind them.
        try admin.send(Request(id: 999, method: .health))
        while try #require(try admin.response()).id != 999 {}
        return admin
    }

    private func metric(_ name: String, _ port: Int) throws -> Double {
        let lines = try httpGet("/metrics", port: port).split(separator: "\n")
        let line = try #require(lines.first { $0.hasPrefix(name + " ") })
        return try #require(line.split(separator: " ").last.flatMap { Double($0) })
    }
}

extension Outcome {
    fileprivate var isIssued: Bool { if case .issued = self { true } else { false } }
}
