/// Which coupons are loaded before they open.
import CouponCore
import Testing

@Suite struct OpeningsTests {
    @Test func `a coupon that opens soon is loaded once, and again only if that failed`() {
        var openings = Openings()
        openings.update([CouponID(1), CouponID(2)])
        #expect(openings.begin() == [CouponID(1), CouponID(2)])
        _ = openings.end(CouponID(1), failed: false)
        _ = openings.end(CouponID(2), failed: true)
        #expect(openings.begin() == [])
        openings.update([CouponID(1), CouponID(2)])
        #expect(openings.begin() == [CouponID(2)])
    }

    @Test func `few loads are in flight at a time`() {
        var openings = Openings()
        let coupons = (1...2 * Int64(Limits.openingLoadsInFlight) + 1).map { CouponID($0) }
        openings.update(coupons)
        var begun = openings.begin()
        #expect(begun.count == Limits.openingLoadsInFlight)
        #expect(openings.begin() == [])
        for index in coupons.indices {
            _ = openings.end(begun[index], failed: false)
            begun += openings.begin()
            if begun.count == coupons.count { break }
        }
        #expect(begun == coupons)
    }

    @Test func `loads that cannot begin yet begin when another load ends`() {
        var openings = Openings()
        openings.update((1...Int64(Limits.openingLoadsInFlight) + 1).map { CouponID($0) })
        let begun = openings.begin()
        var mayBegin = begun.prefix(2).map { openings.end($0, failed: false) }
        #expect(mayBegin == [true, false], "once is enough")
        openings.postpone()
        mayBegin = [openings.end(begun[2], failed: false)]
        #expect(mayBegin == [true])
    }

    @Test func `a coupon that has opened while it waited is not loaded`() {
        var openings = Openings()
        let most = Int64(Limits.openingLoadsInFlight)
        openings.update((1...most + 1).map { CouponID($0) })
        _ = openings.begin()
        openings.update([])
        _ = openings.end(CouponID(1), failed: false)
        #expect(openings.begin() == [])
    }

    @Test func `loads that have ended together are followed by as many, and not by one`() {
        var openings = Openings()
        let most = Limits.openingLoadsInFlight
        openings.update((1...2 * Int64(most)).map { CouponID($0) })
        let begun = openings.begin()
        let isFirst = begun.map { openings.end($0, failed: false) }
        #expect(isFirst == [true] + Array(repeating: false, count: most - 1))
        #expect(openings.begin().count == most)
        let next = openings.end(CouponID(Int64(most) + 1), failed: false)
        #expect(next, "of the next ones")
    }
}
