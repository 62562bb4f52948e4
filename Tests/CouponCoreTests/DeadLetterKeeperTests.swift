/// Letters whose decision the gate was not told, while somebody is away.
import Testing

@testable import CouponCore

@Suite struct DeadLetterKeeperTests {
    /// Which of five letters are tried, when the third ends like this.
    private func tried(_ third: () throws(LedgerError) -> Bool?) -> [Int64] {
        var tried: [Int64] = []
        DeadLetterKeeper.inTurn([1, 2, 3, 4, 5]) { id throws(LedgerError) in
            tried.append(id)
            return id == 3 ? try third() : true
        }
        return tried
    }

    @Test func `a letter that cannot be told now keeps no other from it`() {
        #expect(tried { () throws(LedgerError) in true } == [1, 2, 3, 4, 5])
        #expect(tried { () throws(LedgerError) in false } == [1, 2, 3, 4, 5])
        #expect(tried { () throws(LedgerError) in throw .busy("locked") } == [1, 2, 3, 4, 5])
        #expect(tried { () throws(LedgerError) in throw .refused("no") } == [1, 2, 3, 4, 5])
    }

    @Test func `behind a gate or a session that is away no other is tried`() {
        #expect(tried { () throws(LedgerError) in nil } == [1, 2, 3])
        #expect(tried { () throws(LedgerError) in throw .sessionLost("away") } == [1, 2, 3])
    }
}
