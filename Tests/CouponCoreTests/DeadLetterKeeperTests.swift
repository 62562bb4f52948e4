/// Letters whose decision the gate lacks, while Redis or PostgreSQL is away.
import Testing

@testable import CouponCore

@Suite struct DeadLetterKeeperTests {
    /// Which of five letters are tried if the third one ends like this.
    private func tried(_ third: () throws(BackendError) -> Bool?) -> [Int64] {
        var tried: [Int64] = []
        DeadLetterKeeper.inTurn([1, 2, 3, 4, 5]) { id throws(BackendError) in
            tried.append(id)
            return id == 3 ? try third() : true
        }
        return tried
    }

    @Test func `a letter that fails does not stop the others`() {
        #expect(tried { () throws(BackendError) in true } == [1, 2, 3, 4, 5])
        #expect(tried { () throws(BackendError) in false } == [1, 2, 3, 4, 5])
        #expect(
            tried { () throws(BackendError) in throw .postgres(.busy("locked")) } == [
                1, 2, 3, 4, 5,
            ])
        #expect(
            tried { () throws(BackendError) in throw .postgres(.refused("no")) } == [1, 2, 3, 4, 5])
    }

    @Test func `if Redis or PostgreSQL is away, no further letter is tried`() {
        #expect(tried { () throws(BackendError) in nil } == [1, 2, 3])
        #expect(
            tried { () throws(BackendError) in throw .postgres(.sessionLost("away")) } == [1, 2, 3])
    }
}
