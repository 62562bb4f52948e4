/// What other users of PostgreSQL and Redis do for a long time: it is bounded, or seen.
import CouponClient
import CouponCore
import NIOCore
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(3))) struct NeighbourTests {
    @Test func `a sale goes on beside an old snapshot, which the documented query finds`()
        async throws
    {
        let world = try await World()
        let daemon = try await world.daemon()
        let coupon = try await daemon.offer(total: 100)
        let neighbour = try await world.hold(
            """
            SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;
            SELECT count(*) FROM coupond.coupon_issue
            """)
        for user in 1...100 { #expect(try await daemon.win(coupon, Int64(user)) == Int64(user)) }
        let late = try await daemon.ask(coupon, 101)
        #expect(late == .soldOut)
        let query = try Recipe("neighbours", page: "NEIGHBOURS.md").text
        try await eventually("the query shows the neighbour and the dead rows") {
            let answer = try world.sql(query)
            let rows = answer.firstMatch(of: /\ncoupon\|(\d+)\|/).flatMap { Int($0.1) } ?? 0
            return answer.contains("REPEATABLE READ") && rows > 0
        }
        try await neighbour.release()
        #expect(try await daemon.stop() == .code(0))
    }

    @Test(arguments: [
        "CREATE INDEX slow ON coupond.coupon_issue (issued_at)",
        // The lock that ALTER TABLE and VACUUM FULL take.
        "LOCK TABLE coupond.coupon_issue", "ALTER TABLE coupond.coupon ADD COLUMN note text",
        "LOCK TABLE coupond.partition",
    ])
    func `a table that is locked beside a sale is named, and all is issued when it is free`(
        _ statement: String
    ) async throws {
        let world = try await World()
        let port = Int(try freePort())
        let daemon = try await world.daemon(["--metrics-listen", "127.0.0.1:\(port)"])
        let coupon = try await daemon.offer(total: nil)
        #expect(try await daemon.win(coupon, 1) == 1)
        let neighbour = try await world.hold(statement)
        for user in 2...20 as ClosedRange<Int64> {
            let outcome = try await daemon.client.issue(
                IssueRequest(coupon: coupon, user: UserID(user)))
            #expect(outcome == .accepted(sequence: user))
        }
        try await eventually("the cause is counted") {
            try httpGet("/metrics", port: port).contains(
                #"coupond_refusals_total{server="postgres",cause="55P03"}"#)
        }
        #expect(try httpGet("/readyz", port: port).hasPrefix("HTTP/1.1 200"))
        let query = try Recipe("locks", page: "NEIGHBOURS.md").text
        try await eventually("the query names who holds the lock, and who waits") {
            let rows = try world.sql(query).split(separator: "\n")
            return rows.contains { $0.contains("|t|") && $0.contains(statement.prefix(50)) }
                && rows.contains { $0.contains("|f|") }
        }
        try await neighbour.release()
        try await eventually("all that was accepted is issued") { try world.issued == 20 }
        #expect(try await daemon.client.audit(coupon).judge.checks.filter { !$0.holds } == [])
        #expect(!daemon.process.logText.contains("session with PostgreSQL lost"))
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `a long script in Redis is named, and costs nothing that was accepted`() async throws
    {
        let world = try await World()
        let port = Int(try freePort())
        let daemon = try await world.daemon(["--metrics-listen", "127.0.0.1:\(port)"])
        let coupon = try await daemon.offer(total: 5)
        #expect(try await daemon.win(coupon, 1) == 1)
        try await world.redis.cli("CONFIG", "SET", "busy-reply-threshold", "50")
        let folder = try world.folder.makeFolder("neighbour")
        let script = try ServerProcess(
            "redis-cli",
            arguments: ["-s", world.redis.socket, "EVAL", "while true do end", "0"], in: folder)
        try await eventually("callers get the reason") {
            let answer = await daemon.client.answer(
                to: IssueRequest(coupon: coupon, user: UserID(2)), within: .seconds(5))
            return "\(answer)".contains("Redis is running a long script")
        }
        #expect(
            try httpGet("/metrics", port: port).contains(
                #"coupond_refusals_total{server="redis",cause="BUSY"}"#))
        try await world.redis.cli("SCRIPT", "KILL")
        _ = try await script.waitForEnd()
        try await daemon.ready()
        // What the second user sent last may have been accepted when the script had ended.
        try await daemon.winSoon(coupon, 3)
        #expect(try await daemon.client.audit(coupon).judge.checks.filter { !$0.holds } == [])
        #expect(!daemon.process.logText.contains("unsafe Redis settings"))
        #expect(try await daemon.stop() == .code(0))
    }
}
