/// Letters whose decision the gates lack, while a gate, Redis or PostgreSQL is away.
import CoreTestKit
import Testing

@testable import CouponCore

@Suite struct DeadLetterKeeperTests {
    private typealias Attempt = (Int64) throws(BackendError) -> DeadLetterKeeper.Sync

    /// Letters 1 to 3 are of partition 0, letters 11 to 13 of partition 1, in turn. Each letter is of the
    /// coupon with the same number, except that letter 3 is of coupon 2.
    private let letters = [1, 11, 2, 12, 3, 13].map {
        UnsyncedLetter(
            id: $0, partition: PartitionID(Int($0 / 10)), coupon: CouponID($0 == 3 ? 2 : $0))
    }

    /// Which letters are tried in a round.
    private func tried(
        _ stuck: inout StuckPartitions, isLate: Bool = false, _ attempt: Attempt
    ) -> [Int64] {
        var (tried, loading): ([Int64], Set<CouponID>) = ([], [])
        stuck.begin()
        DeadLetterKeeper.inTurn(letters, &stuck, &loading) {
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
        #expect(tried(&stuck) { $0 == 11 ? .loading : .done } == all)
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

    @Test func `only one letter of a coupon that is being loaded is tried`() {
        var stuck = StuckPartitions()
        #expect(tried(&stuck) { $0 == 2 ? .loading : .done } == [1, 11, 2, 12, 13])
    }

    @Test func `many letters of a coupon that is being loaded do not hide those of others`() {
        let clock = VirtualClock()
        let world = ModelWorld(partitions: 1, clocks: clock.clocks)
        let (gates, store) = (ModelGates(world), FakeStore(world))
        let keeper = DeadLetterKeeper(
            store: store, gates: gates, clocks: clock.clocks, forget: { _ in })
        let partition = PartitionID(0)
        world.openGate(partition)
        let (large, small) = (CouponID(1), CouponID(2))
        for coupon in [large, small] { world.tables.coupons[coupon] = .sample(coupon, total: 10) }
        _ = world.redis.claim(large, partition: partition, epoch: 1, load: 1, now: clock.wallNow)
        let many = Int64(Limits.lettersPerResync) + 1
        store.letters = (1...many + 1).map {
            UnsyncedLetter(id: $0, partition: partition, coupon: $0 > many ? small : large)
        }
        keeper.resync()
        #expect(gates.count(of: .letter) == 1 && store.letters.count == Int(many) + 1)
        keeper.resync()
        #expect(store.letters.allSatisfy { $0.coupon == large })
        #expect(gates.count(of: .letter) == 3, "one of each coupon")
        try? gates.abandon(large, partition: partition, epoch: 1, load: 1)
        for _ in 1...3 { keeper.resync() }
        #expect(store.letters.isEmpty)
    }
}
