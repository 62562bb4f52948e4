/// Pages of holders that PostgreSQL reads while the page before is written.
import CouponCore
import TestSupport
import Testing

@testable import CouponPostgres

@Suite struct ReadAheadTests {
    private let coupon = CouponID(4)

    private func question(after user: Int64, attempt: Int = 0) -> PageQuestion {
        PageQuestion(
            coupon: coupon, place: .issued(UserID(user)), limit: 2, load: 1, attempt: attempt)
    }

    private func users(_ page: HolderPage) -> [Int64] { page.holders.map(\.user.rawValue) }

    @Test func `a page that was asked for in advance is used once, by its own attempt`()
        async throws
    {
        let database = try await TestDatabase()
        try database.coupon(total: 9)
        let ledger = database.ledger()
        _ = try ledger.issue(batch(entry(1, first: 1, users: [10, 20, 30, 40])))
        let store = database.store()
        store.readAhead(question(after: 0))
        // Another statement of the session: the page is read first, and kept.
        #expect(try store.coupon(coupon)?.issued == 4)
        _ = try ledger.issue(batch(entry(2, first: 5, users: [5]), from: 1))
        #expect(try users(store.holders(question(after: 0))) == [10, 20], "read in advance")
        #expect(try users(store.holders(question(after: 0))) == [5, 10], "read again")
        store.readAhead(question(after: 10))
        #expect(try users(store.holders(question(after: 0))) == [5, 10])
        #expect(try users(store.holders(question(after: 10, attempt: 1))) == [20, 30])
    }

    @Test func `a page read in advance ends where any other page ends`() async throws {
        let database = try await TestDatabase()
        try database.coupon(total: 9)
        _ = try database.ledger().issue(batch(entry(1, first: 1, users: [10, 20, 30])))
        let store = database.store()
        var (place, all) = (HolderPlace.start, [Int64]())
        while place != .end {
            let question = PageQuestion(
                coupon: coupon, place: place, limit: 2, load: 1, attempt: 0)
            store.readAhead(question)
            let page = try store.holders(question)
            #expect(try page == store.holders(of: coupon, after: place, limit: 2))
            all += users(page)
            place = page.end
        }
        #expect(all == [10, 20, 30])
        store.readAhead(
            PageQuestion(coupon: coupon, place: .end, limit: 2, load: 1, attempt: 0))
    }

    @Test func `a page that cannot be read in advance is read when it is needed`() async throws {
        let database = try await TestDatabase()
        try database.coupon(total: 9)
        _ = try database.ledger().issue(batch(entry(1, first: 1, users: [10, 20, 30])))
        let store = database.store()
        try database.sql("ALTER TABLE coupond.coupon_issue RENAME TO away")
        store.readAhead(question(after: 0))
        _ = try store.coupon(coupon)
        try database.sql("ALTER TABLE coupond.away RENAME TO coupon_issue")
        #expect(try users(store.holders(question(after: 0))) == [10, 20])
        store.readAhead(question(after: 10))
        try database.terminateSessions()
        #expect(try users(store.holders(question(after: 10))) == [20, 30])
    }
}
