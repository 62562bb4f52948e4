/// Which partitions are claimed and released.
import CouponCore
import CoreTestKit
import Testing

@testable import CouponScheduler

@Suite struct OwnershipTests {
    private let clock = VirtualClock()
    private let world: ModelWorld
    private let (mine, other): (ModelLedger, ModelLedger)

    init() {
        world = ModelWorld(partitions: 4, clocks: clock.clocks)
        (mine, other) = (ModelLedger(world), ModelLedger(world))
    }

    private func partitions(_ numbers: Int...) -> Set<PartitionID> {
        Set(numbers.map { PartitionID($0) })
    }

    private func review(
        _ ownership: inout Ownership, owned: Set<PartitionID>, rebuilding: Set<PartitionID> = []
    ) throws -> Ownership.Changes? {
        clock.advance(milliseconds: 250)
        return try ownership.review(
            ledger: mine, owned: owned, rebuilding: rebuilding, lending: Lending(lanes: 1),
            now: clock.now)
    }

    private func all() throws -> Ownership {
        var ownership = Ownership(partitioning: world.partitioning, now: clock.now)
        let taken = try #require(try review(&ownership, owned: [])).taken
        #expect(Set(taken) == partitions(0, 1, 2, 3))
        return ownership
    }

    @Test func `half of the partitions are released to a second daemon`() throws {
        var ownership = try all()
        _ = try other.joinMembers()
        let changes = try #require(try review(&ownership, owned: partitions(0, 1, 2, 3)))
        #expect(changes.given.count == 2 && changes.taken.isEmpty)
        for partition in changes.given { #expect(try other.claim(partition)) }
    }

    @Test func `partitions in a rebuild are not released, even if they are more than the share`()
        throws
    {
        var ownership = try all()
        _ = try other.joinMembers()
        let everything = partitions(0, 1, 2, 3)
        let some = try #require(
            try review(&ownership, owned: everything, rebuilding: partitions(2, 3)))
        #expect(Set(some.given) == partitions(0, 1))
        for partition in some.given { #expect(try mine.claim(partition)) }
        let more = try #require(
            try review(&ownership, owned: everything, rebuilding: partitions(1, 2, 3)))
        #expect(more.given == [PartitionID(0)])
        #expect(try mine.claim(PartitionID(0)))
        let none = try #require(try review(&ownership, owned: everything, rebuilding: everything))
        #expect(none.given.isEmpty && none.taken.isEmpty)
        // The rebuilds have ended.
        let share = try #require(try review(&ownership, owned: everything))
        #expect(share.given.count == 2)
    }

    @Test func `partitions that were lost with a replaced session are given up`() throws {
        var ownership = try all()
        mine.loseSession()
        #expect(try other.claim(PartitionID(1)))
        other.loseSession()
        _ = try mine.joinMembers()
        world.owners[PartitionID(1)] = ObjectIdentifier(other)
        let changes = try #require(
            try review(
                &ownership, owned: partitions(0, 1, 2, 3), rebuilding: partitions(1)))
        #expect(changes.given == [PartitionID(1)])
    }
}
