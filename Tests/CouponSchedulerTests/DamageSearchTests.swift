/// The search for the users of damaged entries (rule 42).
import CouponCore
import Testing

@testable import CouponScheduler

@Suite struct DamageSearchTests {
    private func damaged(_ n: Int64) -> QueueItem {
        .damaged(
            DamagedEntry(
                position: Position(epoch: 1, n: n), bytes: [], reason: "damaged", holders: []))
    }

    @Test func `the survey ends at what was the last entry, whatever comes later`() throws {
        var search = DamageSearch(
            [Position(epoch: 1, n: 2)], after: Position(epoch: 1, n: 1),
            upTo: Position(epoch: 1, n: 9))
        var reads = 0
        while search.result == nil, reads < 100 {
            try search.advance(
                reading: { walk throws(BackendError) in
                    // There is always one more.
                    reads += 1
                    return [damaged(walk.place.n + 1), damaged(walk.place.n + 2)]
                }, searching: { search throws(BackendError) in search.epochs = [] })
        }
        #expect(reads == 4)
        let positions = try #require(search.result).positions
        #expect(positions == Set((2...9).map { Position(epoch: 1, n: $0) }))
    }
}
