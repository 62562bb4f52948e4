/// How many sessions with PostgreSQL a daemon has: what it takes of `max_connections`.
import CouponClient
import CouponCore
import Foundation
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.overloading), .timeLimit(.minutes(2))) struct SessionCountTests {
    @Test func `a daemon has ten sessions when all its lanes work, as the pages say`()
        async throws
    {
        let world = try await World()
        let daemon = try await world.daemon()
        let coupon = try await daemon.offer(total: nil)
        func sessions() throws -> Int {
            let count = try world.sql(
                """
                SELECT count(*) FROM pg_stat_activity
                WHERE application_name LIKE 'coupond %/\(daemon.process.pid)'
                """)
            return try #require(Int(count))
        }
        let flood = try StatusFlood(of: coupon, connections: 4, daemon)
        try await flood.waitUntilOn()
        var count = 0
        try await eventually("each lane has used its session; there are \(count)") {
            _ = try await daemon.client.audit(coupon)
            _ = try await daemon.client.coupon(coupon)
            // There is no coupon 99, so it is looked up.
            _ = try await daemon.client.issue(IssueRequest(coupon: CouponID(99), user: UserID(1)))
            _ = try await daemon.client.events(EventQuestion(.now, waitMilliseconds: 0))
            count = try sessions()
            return count >= 10
        }
        for user in 1...5 as ClosedRange<Int64> { _ = try await daemon.win(coupon, user) }
        try await flood.waitUntilOn()
        // A session that was lost may show beside its successor.
        try await eventually("there are ten") { try sessions() == 10 }
        for name in ["OPERATIONS", "CAPACITY"] {
            let page = try String(
                contentsOfFile: repositoryRoot + "/docs/\(name).md", encoding: .utf8)
            #expect(page.contains("up to ten "), "\(name)")
        }
        flood.end()
        #expect(try await daemon.stop() == .code(0))
    }
}
