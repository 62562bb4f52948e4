import CouponClient
import CouponCore
import NIOCore
import TestSupport
import TestWorld
import Testing

/// Rights and settings of Redis and PostgreSQL that are missing: each is named by its true cause, and the
/// daemon heals when the right or the setting is there again.
@Suite(.machine(.asking), .timeLimit(.minutes(2))) struct RightsTests {
    @Test func `a daemon serves with the printed rights, even after a break and with replicas`()
        async throws
    {
        let world = try await World()
        let replica = try await RedisServer(replicaOf: world.redis)
        let daemon = try await world.daemon(
            ["--redis-wait-replicas", "1", "--redis-wait-timeout", "10s"])
        let coupon = try await daemon.offer(total: 4)
        #expect(try await daemon.win(coupon, 1) == 1)
        try await world.redis.cli("CLIENT", "KILL", "TYPE", "normal")
        try await daemon.ready()
        try await daemon.winSoon(coupon, 2)
        _ = try await daemon.client.update(coupon, CouponChange(total: 3))
        _ = try await daemon.client.rebuildGate(PartitionID(3), deadline: .seconds(20))
        #expect(try await daemon.ask(coupon, 3) == .accepted(sequence: 3))
        #expect(!daemon.process.logText.contains("NOPERM"))
        #expect(!daemon.process.logText.contains("lacks"))
        _ = replica
        #expect(try await daemon.stop() == .code(0))
    }

    @Test(arguments: [
        ("-client|kill", "CLIENT KILL"), ("-hset", "HSET"), ("-xread", "XREAD"),
        ("-config|get", "CONFIG GET"), ("-info", "INFO"),
        ("resetchannels", "PSUBSCRIBE coupond:{*}:events"), ("resetkeys", "GET coupond:{0}:gate"),
    ])
    func `a start without a right in Redis ends with 78 and names it`(
        rule: String, name: String
    ) async throws {
        let world = try await World()
        try await world.redis.cli("ACL", "SETUSER", "coupond", rule)
        let daemon = try Daemon(world)
        #expect(try await daemon.process.waitForEnd() == .code(78))
        #expect(daemon.process.logText.contains(name))
        #expect(daemon.process.logText.contains("the Redis user lacks rights"))
    }

    @Test func `a right that Redis takes away is named while it is missing`() async throws {
        let world = try await World()
        let port = Int(try freePort())
        let daemon = try await world.daemon(["--metrics-listen", "127.0.0.1:\(port)"])
        try await world.redis.cli("ACL", "SETUSER", "coupond", "-client|kill")
        // Nothing has broken, and nobody asks.
        try await eventually("it is not ready, and says why") {
            let page = try httpGet("/readyz", port: port)
            return page.hasPrefix("HTTP/1.1 503") && page.contains("CLIENT KILL")
        }
        try await daemon.process.logs("CLIENT KILL")
        try await world.redis.cli("CLIENT", "KILL", "TYPE", "normal")
        try await eventually("callers get the reason as well") {
            let refusal = await daemon.client.answer(
                to: IssueRequest(coupon: CouponID(5), user: UserID(1)), within: .seconds(1))
            return "\(refusal)".contains("client|kill")
        }
        #expect(
            try httpGet("/metrics", port: port).contains(
                #"coupond_refusals_total{server="redis",cause="NOPERM"}"#))
        try await world.redis.cli("ACL", "SETUSER", "coupond", "+client|kill")
        try await daemon.ready()
        #expect(try await daemon.stop() == .code(0))
    }

    @Test(arguments: [
        (
            ["CONFIG", "SET", "maxmemory", "1"], ["CONFIG", "SET", "maxmemory", "0"], "OOM",
            "maxmemory"
        ),
        (
            ["CONFIG", "SET", "min-replicas-to-write", "1"],
            ["CONFIG", "SET", "min-replicas-to-write", "0"], "NOREPLICAS", "min-replicas-to-write"
        ),
        (
            ["ACL", "SETUSER", "coupond", "-evalsha"], ["ACL", "SETUSER", "coupond", "+evalsha"],
            "NOPERM", "evalsha"
        ),
    ])
    func `a refusal by Redis is named in answer, log, metric and readiness`(
        begin: [String], end: [String], cause: String, text: String
    ) async throws {
        let world = try await World()
        let port = Int(try freePort())
        let daemon = try await world.daemon(["--metrics-listen", "127.0.0.1:\(port)"])
        let coupon = try await daemon.offer(total: 5)
        #expect(try await daemon.win(coupon, 1) == 1)
        let other = try await daemon.offer(total: 5)
        try await world.redis.cli(begin)
        for asked in [coupon, other] {
            try await eventually("the answer names it") {
                let answer = await daemon.client.answer(
                    to: IssueRequest(coupon: asked, user: UserID(2)), within: .seconds(5))
                guard case .failure(.refused(let failure)) = answer else { return false }
                return failure.code == .unavailable && failure.message.contains(text)
            }
        }
        try await daemon.process.logs(text)
        try await eventually("it is not ready, and says why") {
            try httpGet("/readyz", port: port).contains(text)
        }
        #expect(
            try httpGet("/metrics", port: port).contains(
                "coupond_refusals_total{server=\"redis\",cause=\"\(cause)\"}"))
        try await world.redis.cli(end)
        try await eventually("it is ready again, although nobody asks") {
            try httpGet("/readyz", port: port).hasSuffix("\r\n\r\nready\n")
        }
        #expect(try await daemon.win(coupon, 2) == 2)
        #expect(try await daemon.win(other, 2) == 1)
        #expect(try await daemon.stop() == .code(0))
    }

    @Test(arguments: [
        ("appendfsync", "everysec", "always"), ("maxmemory-policy", "allkeys-lru", "noeviction"),
    ])
    func `while a setting of Redis is unsafe no gate accepts, and the setting is named`(
        name: String, unsafe: String, safe: String
    ) async throws {
        let world = try await World()
        let port = Int(try freePort())
        let daemon = try await world.daemon(["--metrics-listen", "127.0.0.1:\(port)"])
        let coupon = try await daemon.offer(total: nil)
        try await world.redis.cli("CONFIG", "SET", name, unsafe)
        let text = "\(name) is \(unsafe), must be \(safe)"
        var user: Int64 = 0
        try await eventually("the answer names it") {
            user += 1
            let answer = await daemon.client.answer(
                to: IssueRequest(coupon: coupon, user: UserID(user)), within: .seconds(5))
            guard case .failure(.refused(let failure)) = answer else { return false }
            return failure.code == .unavailable && failure.message.contains(text)
        }
        // No connection has broken, and somebody may go on asking.
        for _ in 1...20 {
            let answer = await daemon.client.answer(
                to: IssueRequest(coupon: coupon, user: UserID(user)), within: .seconds(1))
            guard case .failure = answer else {
                Issue.record("accepted: \(answer)")
                break
            }
        }
        try await eventually("it is not ready, and says why") {
            let page = try httpGet("/readyz?verbose", port: port)
            return page.hasPrefix("HTTP/1.1 503") && page.contains("[-] redis: ")
                && page.contains(text) && !page.contains("postgres")
        }
        try await daemon.process.logs(text)
        #expect(
            try httpGet("/metrics", port: port).contains(
                #"coupond_refusals_total{server="redis",cause="UNSAFE"}"#))
        try await world.redis.cli("CONFIG", "SET", name, safe)
        try await eventually("it is ready again, although nobody asks") {
            try httpGet("/readyz", port: port).hasSuffix("\r\n\r\nready\n")
        }
        try await daemon.winSoon(coupon, user)
        for user in 1..<user {
            try await eventually("what was accepted is issued") {
                try await daemon.holds(coupon, user)
            }
        }
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `a right that PostgreSQL takes away is named while it is missing`() async throws {
        let world = try await World()
        let port = Int(try freePort())
        let daemon = try await world.daemon(["--metrics-listen", "127.0.0.1:\(port)"])
        let coupon = try await daemon.offer(total: 5)
        #expect(try await daemon.win(coupon, 1) == 1)
        try world.sql("REVOKE INSERT ON coupond.coupon_issue FROM \(LeastRights.role)")
        // Nothing has failed, and nobody asks.
        try await eventually("it is not ready, and says why") {
            let page = try httpGet("/readyz", port: port)
            return page.hasPrefix("HTTP/1.1 503") && page.contains("INSERT on coupond.coupon_issue")
        }
        try await daemon.process.logs("INSERT on coupond.coupon_issue")
        #expect(try await daemon.ask(coupon, 2) == .accepted(sequence: 2))
        let cause = "permission denied for table coupon_issue"
        try await daemon.process.logs(cause)
        try await eventually("a metric counts it") {
            try httpGet("/metrics", port: port).contains(
                #"coupond_refusals_total{server="postgres",cause="42501"}"#)
        }
        try world.sql("GRANT INSERT ON coupond.coupon_issue TO \(LeastRights.role)")
        try await eventually("it is issued") { try await daemon.holds(coupon, 2) }
        try await eventually("it is ready again") {
            try httpGet("/readyz", port: port).hasSuffix("\r\n\r\nready\n")
        }
        try world.sql("REVOKE SELECT ON coupond.coupon FROM \(LeastRights.role)")
        await #expect(throws: ClientError.self) { try await daemon.client.coupon(coupon) }
        try await daemon.process.logs("INTERNAL")
        try await daemon.process.logs("permission denied for table coupon (")
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `a start without a right in PostgreSQL ends with 78 and names it`() async throws {
        let world = try await World()
        try world.sql("REVOKE DELETE ON coupond.gate_outbox FROM \(LeastRights.role)")
        let daemon = try Daemon(world)
        #expect(try await daemon.process.waitForEnd() == .code(78))
        #expect(daemon.process.logText.contains("DELETE on coupond.gate_outbox"))
    }
}
