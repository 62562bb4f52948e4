/// Letters whose decision the gates lack, while a gate, Redis or PostgreSQL is away.
import Testing

@testable import CouponCore

@Suite struct DeadLetterKeeperTests {
    private typealias Attempt = (Int64) throws(BackendError) -> DeadLetterKeeper.Sync

    /// Letters 1 to 3 are of partition 0, letters 11 to 13 of partition 1, in turn.
    private let letters = [1, 11, 2, 12, 3, 13].map {
        UnsyncedLetter(id: $0, partition: PartitionID(Int($0 / 10)))
    }

    /// Which letters are tried in a round.
    private func tried(
        _ stuck: inout StuckPartitions, isLate: Bool = false, _ attempt: Attempt
    ) -> [Int64] {
        var tried: [Int64] = []
        DeadLetterKeeper.inTurn(letters, &stuck) {
            isLate
        } resync: { id throws(BackendError) in
            tried.append(id)
            return try attempt(id)
        }
        return tried
    }

    @Test func `a letter that fails does not stop the others`() {
        let all: [Int64] = [1, 11, 2, 12, 3, 13]
        var stuck = StuckPartitions()
        #expect(tried(&stuck) { _ in .done } == all)
        #expect(tried(&stuck) { $0 == 2 ? .loading : .done } == all)
        for error in [PostgresFault.busy("locked"), .refused("no")] {
            let tried = tried(&stuck) { id throws(BackendError) in
                if id == 2 { throw .postgres(error) }
                return .done
            }
            #expect(tried == all)
        }
    }

    @Test func `a gate that cannot be updated delays only its own letters`() {
        var stuck = StuckPartitions()
        #expect(tried(&stuck) { $0 < 10 ? .failed : .done } == [1, 11, 12, 13])
        // The others come first, even if there is time for one letter only.
        #expect(tried(&stuck, isLate: true) { $0 < 10 ? .failed : .done } == [11])
        #expect(tried(&stuck) { _ in .done } == [11, 12, 13, 1, 2, 3])
        #expect(tried(&stuck) { _ in .done } == [1, 11, 2, 12, 3, 13])
    }

    @Test func `if PostgreSQL is away, no further letter is tried`() {
        var stuck = StuckPartitions()
        let tried = tried(&stuck) { id throws(BackendError) in
            if id == 2 { throw .postgres(.sessionLost("away")) }
            return .done
        }
        #expect(tried == [1, 11, 2])
    }
}
