import CouponCore
import Testing

@Suite struct AuditBookTests {
    private let coupon = CouponID(7)

    private func check(_ difference: Int64, _ force: Check.Force) -> Check {
        Check(rule: "a rule", figures: "", difference: difference, force: force)
    }

    private func looks(_ checks: [Check]) -> [Bool] {
        var book = AuditBook()
        return checks.map { check in
            let isReported = book.apply([check], of: coupon) == [.drift(check, attempt: 1)]
            if isReported { book.actedOn(check.rule, of: coupon) }
            return isReported
        }
    }

    @Test func `an exact difference counts at once and is reported once`() {
        #expect(looks([check(1, .exact), check(1, .exact)]) == [true, false])
    }

    @Test func `a drift is reported again, with growing pauses, until it is acted on`() {
        var book = AuditBook()
        let check = check(1, .exact)
        let attempts = (0..<200).filter { _ in !book.apply([check], of: coupon).isEmpty }
        #expect(attempts == [0, 1, 3, 7, 15, 31, 63, 127, 191])
        book.actedOn(check.rule, of: coupon)
        for _ in 0..<200 { #expect(book.apply([check], of: coupon) == []) }
        #expect(book.drifting == 1)
    }

    @Test func `a drift that comes back is acted on again`() {
        let (drift, none) = (check(1, .exact), check(0, .exact))
        #expect(looks([drift, none, drift]) == [true, false, true])
    }

    @Test func `a difference that changes between looks does not count`() {
        #expect(
            looks([check(1, .repeated), check(2, .repeated), check(1, .repeated)])
                == [false, false, false])
        #expect(
            looks([check(1, .repeated), check(0, .repeated), check(1, .repeated)])
                == [false, false, false])
        #expect(looks([check(1, .repeated), check(1, .repeated)]) == [false, true])
    }

    @Test func `a change that does not arrive counts at the fifth look`() {
        let late = check(-1, .lasting)
        #expect(looks([late, late, late, late, late]) == [false, false, false, false, true])
    }

    @Test func `a coupon whose accounts add up again is not drifting any more`() {
        var book = AuditBook()
        #expect(book.drifting == 0 && book.suspects == [])
        _ = book.apply([check(1, .exact)], of: coupon)
        #expect(book.drifting == 1 && book.suspects == [coupon])
        // A look that could not compare changes nothing.
        #expect(book.apply([], of: coupon) == [])
        #expect(book.drifting == 1)
        #expect(book.apply([check(0, .exact)], of: coupon) == [.mended])
        #expect(book.drifting == 0 && book.suspects == [])
    }

    @Test func `a coupon of another daemon is forgotten`() {
        var book = AuditBook()
        _ = book.apply([check(1, .exact)], of: coupon)
        book.keep { $0 != coupon }
        #expect(book.drifting == 0)
    }

    @Test func `the book remembers no more coupons than its capacity`() {
        var book = AuditBook(capacity: 2)
        for id in 1...3 { _ = book.apply([check(1, .exact)], of: CouponID(Int64(id))) }
        #expect(book.suspects == [CouponID(1), CouponID(2)])
    }

    @Test func `rows are counted in slices`() {
        var walk = RowWalk()
        walk.begin(coupon)
        let first = walk.apply(RowSlice(count: 2, last: UserID(9), issued: 3), limit: 2)
        #expect(!first.isDone && first.check == nil && walk.user == UserID(9))
        let end = walk.apply(RowSlice(count: 1, last: UserID(11), issued: 3), limit: 2)
        #expect(end.isDone && end.check?.holds == true)
    }

    @Test func `a missing row is found`() {
        var walk = RowWalk()
        walk.begin(coupon)
        let end = walk.apply(RowSlice(count: 1, last: UserID(9), issued: 2), limit: 2)
        #expect(end.isDone && end.check?.difference == -1)
    }

    @Test func `a coupon that is issued during its count is left for the next round`() {
        var walk = RowWalk()
        walk.begin(coupon)
        _ = walk.apply(RowSlice(count: 2, last: UserID(9), issued: 3), limit: 2)
        let end = walk.apply(RowSlice(count: 2, last: UserID(12), issued: 4), limit: 2)
        #expect(end.isDone && end.check == nil)
    }
}
