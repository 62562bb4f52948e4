import CouponCore
import Testing

@testable import CouponServer

@Suite struct StatusPageTextTests {
    @Test func `the page loads nothing`() {
        let page = StatusPage.html
        #expect(page.hasPrefix("<!doctype html>") && page.contains("</html>"))
        for outside in ["src=", "@import", "url(", "<iframe", "<form"] {
            #expect(!page.contains(outside), "\(outside)")
        }
        let addresses = page.matches(of: /https?:\/\/[^"' %]*/).map { String($0.0) }
        #expect(Set(addresses) == ["http://www.w3.org/2000/svg"])
    }

    @Test func `texts of callers are never set as markup`() {
        for way in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            #expect(!StatusPage.script.contains(way), "\(way)")
        }
    }

    @Test func `each element that the script looks for is in the page`() {
        let page = StatusPage.html
        let ids = StatusPage.script.matches(of: /element\("([a-z-]+)"\)/).map { String($0.1) }
        #expect(ids.count > 15)
        for id in ids { #expect(page.contains("id=\"\(id)\""), "\(id)") }
    }

    @Test func `the tables are read by one reader at a time, and once a second`() {
        var cache = StatusTablesCache()
        func at(_ milliseconds: Int64) -> MonotonicTime {
            MonotonicTime(nanoseconds: milliseconds * 1_000_000)
        }
        var isBegun = [cache.begin(now: at(0)), cache.begin(now: at(5_000))]
        cache.store(.success(StatusTables(owners: [PartitionID(1): "a"])), now: at(5_000))
        isBegun += [cache.begin(now: at(5_999)), cache.begin(now: at(6_000))]
        #expect(isBegun == [true, false, false, true])
        // The page keeps what it had while PostgreSQL is away.
        cache.store(.failure(Failure(.unavailable, "away")), now: at(7_000))
        #expect(cache.tables.trouble == "away" && cache.tables.owners == [PartitionID(1): "a"])
    }

    @Test func `the coupons of the latest events are remembered, the last one first`() {
        var recent = RecentCoupons()
        recent.add([CouponID(1), CouponID(2)])
        recent.add([CouponID(2)])
        recent.add([])
        #expect(recent.ids == [CouponID(2), CouponID(1)])
        recent.add((10...60).map { CouponID($0) })
        #expect(recent.ids.count == Limits.statusPageCoupons && recent.ids[0] == CouponID(10))
    }
}
