/// What a lane owns while a step works on one of its partitions, and after that.
import CouponCore
import Testing

@testable import CouponScheduler

@Suite struct OwnedPartitionsTests {
    private let first = PartitionID(3)
    private let second = PartitionID(5)

    private func own(_ partition: PartitionID) -> Owned {
        Owned(partition, now: MonotonicTime(nanoseconds: 0), requestsPerTransaction: 10)
    }

    /// A lane that owns both.
    private func lane() -> OwnedPartitions {
        var owned = OwnedPartitions()
        owned.claim(own(second))
        owned.claim(own(first))
        return owned
    }

    @Test func `a step keeps what it has changed, and its partition counts as owned`() throws {
        var owned = lane()
        let taken = owned.takeOut(first)
        var state = try #require(taken)
        state.isReady = false
        #expect(owned.count == 2 && owned.inOrder == [first, second])
        #expect(owned[first] == nil && owned.map(\.partition) == [second])
        #expect(owned.takeOut(first) == nil, "it is out")
        owned.putBack(state)
        #expect(owned[first]?.isReady == false && owned[second]?.isReady == true)
    }

    @Test func `a partition that is lost in its step stays lost`() throws {
        var owned = lane()
        let taken = (owned.takeOut(first), owned.takeOut(second))
        owned.lose(first)
        owned.putBack(try #require(taken.0))
        #expect(owned.partitions == [second])
        owned.loseAll()
        owned.putBack(try #require(taken.1))
        #expect(owned.isEmpty)
    }

    @Test func `between steps a partition is changed in its place, unless it was lost`() {
        var owned = lane()
        owned.lose(first)
        for partition in [first, second] { owned.update(partition) { $0.isReady = false } }
        #expect(owned.map(\.isReady) == [false] && owned[first] == nil)
        owned.forgetRows()
        #expect(owned[second]?.isReady == true, "it reads its row again")
    }
}
