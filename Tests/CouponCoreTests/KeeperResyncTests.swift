/// Changes that the gates lack: one gate that stays closed does not delay the others.
import CoreTestKit
import CouponCore
import Testing

@Suite struct KeeperResyncTests {
    @Test func `the changes of a closed gate come last, and delay no other gate`() {
        let (closed, open) = (PartitionID(0), PartitionID(1))
        let fixture = KeeperFixture(partitions: 2, open: [open])
        let (gates, store, keeper) = (fixture.gates, fixture.store, fixture.keeper)
        for id in 1...9 as ClosedRange<Int64> { fixture.create(CouponID(id)) }
        var tried: [PartitionID] = []
        gates.before = { call, partition in
            if call == .cap, let partition { tried.append(partition) }
        }
        store.due = [2, 4, 6, 3, 5].map { CouponID($0) }
        keeper.resync()
        #expect(tried == [closed, open, open])
        #expect(store.due == [CouponID(4), CouponID(6)])
        tried = []
        store.due = [4, 6, 3].map { CouponID($0) }
        keeper.resync()
        #expect(tried == [open, closed])
    }

    @Test func `a round of changes ends in time, even if each of them reaches its gate`() {
        let clock = VirtualClock()
        let world = ModelWorld(partitions: 1, clocks: clock.clocks)
        let (gates, store) = (ModelGates(world), FakeStore(world))
        let keeper = CouponKeeper(
            store: store, gates: gates, partitioning: world.partitioning, clocks: clock.clocks,
            forget: { _ in }, failed: { _ in })
        world.openGate(PartitionID(0))
        store.due = (1...50 as ClosedRange<Int64>).map { CouponID($0) }
        for id in store.due { world.tables.coupons[id] = .sample(id, total: 10) }
        gates.before = { call, _ in
            if call == .cap { clock.advance(milliseconds: Limits.resyncMilliseconds / 10) }
        }
        keeper.resync()
        #expect(store.due.count == 40)
    }
}
