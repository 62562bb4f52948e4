/// What other users of PostgreSQL and Redis do for a long time: it is bounded, or seen.
import CouponClient
import CouponCore
import NIOCore
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(2))) struct NeighbourTests {
    @Test func `a sale goes on beside an old snapshot, which the documented query finds`()
        async throws
    {
        let world = try await World()
        let daemon = try await world.daemon()
        let coupon = try await daemon.offer(total: 400)
        let neighbour = try await world.hold(
            """
            SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;
            SELECT count(*) FROM coupond.coupon_issue
            """)
        for user in 1...400 { #expect(try await daemon.win(coupon, Int64(user)) == Int64(user)) }
        let late = try await daemon.ask(coupon, 401)
        #expect(late == .soldOut)
        let query = try Recipe("neighbours", page: "OPERATIONS.md").text
        try await eventually("the query shows the neighbour and the dead rows") {
            let answer = try world.sql(query)
            let rows = answer.firstMatch(of: /\ncoupon\|(\d+)\|/).flatMap { Int($0.1) } ?? 0
            return answer.contains("REPEATABLE READ") && rows > 0
        }
        try await neighbour.release()
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
        #expect(!daemon.process.logTail(lines: 10_000).contains("unsafe Redis settings"))
        #expect(try await daemon.stop() == .code(0))
    }
}
