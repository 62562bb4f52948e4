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
            let isSynced = book.apply([check], of: coupon) == [.drift(check, attempt: 1)]
            if isSynced { book.actedOn(check.rule, of: coupon) }
            return isSynced
        }
    }

    @Test func anExactOneCountsAtOnceAndIsToldOnce() {
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

    @Test func aStepUnderWayDoesNotCount() {
        #expect(
            looks([check(1, .repeated), check(2, .repeated), check(1, .repeated)])
                == [false, false, false])
        #expect(
            looks([check(1, .repeated), check(0, .repeated), check(1, .repeated)])
                == [false, false, false])
        #expect(looks([check(1, .repeated), check(1, .repeated)]) == [false, true])
    }

    @Test func aChangeHasTimeToArrive() {
        let late = check(-1, .lasting)
        #expect(looks([late, late, late, late, late]) == [false, false, false, false, true])
    }

    @Test func theGaugeFallsWhenTheAccountsAddUpAgain() {
        var book = AuditBook()
        #expect(book.drifting == 0 && book.suspects == [])
        _ = book.apply([check(1, .exact)], of: coupon)
        #expect(book.drifting == 1 && book.suspects == [coupon])
        // A look that could not compare says nothing.
        #expect(book.apply([], of: coupon) == [])
        #expect(book.drifting == 1)
        #expect(book.apply([check(0, .exact)], of: coupon) == [.mended])
        #expect(book.drifting == 0 && book.suspects == [])
    }

    @Test func whatIsSomebodyElsesIsForgotten() {
        var book = AuditBook()
        _ = book.apply([check(1, .exact)], of: coupon)
        book.keep { $0 != coupon }
        #expect(book.drifting == 0)
    }

    @Test func itIsBounded() {
        var book = AuditBook(capacity: 2)
        for id in 1...3 { _ = book.apply([check(1, .exact)], of: CouponID(Int64(id))) }
        #expect(book.suspects == [CouponID(1), CouponID(2)])
    }

    @Test func rowsAreCountedInSlices() {
        var walk = RowWalk()
        walk.begin(coupon)
        let first = walk.apply(RowSlice(count: 2, last: UserID(9), issued: 3), limit: 2)
        #expect(!first.isDone && first.check == nil && walk.user == UserID(9))
        let end = walk.apply(RowSlice(count: 1, last: UserID(11), issued: 3), limit: 2)
        #expect(end.isDone && end.check?.holds == true)
    }

    @Test func aMissingRowShows() {
        var walk = RowWalk()
        walk.begin(coupon)
        let end = walk.apply(RowSlice(count: 1, last: UserID(9), issued: 2), limit: 2)
        #expect(end.isDone && end.check?.difference == -1)
    }

    @Test func aCouponThatIsIssuedMeanwhileIsLeftForLater() {
        var walk = RowWalk()
        walk.begin(coupon)
        _ = walk.apply(RowSlice(count: 2, last: UserID(9), issued: 3), limit: 2)
        let end = walk.apply(RowSlice(count: 2, last: UserID(12), issued: 4), limit: 2)
        #expect(end.isDone && end.check == nil)
    }
}
