/// A load while an admin waits: it keeps neither the lane nor the gate longer than it must.
import CoreTestKit
import Testing

@testable import CouponCore

private let partition = PartitionID(0)

@Suite struct AdminLoadTests: KeeperSuite {
    let fixture = KeeperFixture(holders: 2, issuesLoadedLater: 5)

    /// A coupon of ten with five issues, in pages of two.
    init() { fixture.create(issued: 5) }

    private var deadline: MonotonicTime { clock.now.advanced(byMilliseconds: 60_000) }
    private var loaded: ModelRedis.Loaded? { record(of: sale) }

    @Test func `a load ends when the coupon has its record, and leaves the claim to another load`()
        throws
    {
        try keeper.load(sale, by: deadline)
        #expect(loaded?.filling != nil && loaded?.used == 5 && loaded?.holders.isEmpty == true)
        #expect(world.redis[partition].loads.isEmpty)
        var other = CouponLoad(of: sale, number: 2)
        #expect(other.advance(keeper) == .opened)
    }

    @Test func `an admin does not wait for a load that has opened the coupon`() throws {
        var other = CouponLoad(of: sale, number: 2)
        while other.advance(keeper) != .opened {}
        let start = clock.now
        try keeper.load(sale, by: deadline)
        #expect(clock.now == start)
        #expect(world.redis[partition].loads.count == 1)
    }

    @Test func `an admin waits a second at most for a load that has not opened the coupon`() {
        var other = CouponLoad(of: sale, number: 2)
        _ = other.advance(keeper)
        let start = clock.now
        let error = #expect(throws: BackendError.self) { try keeper.load(sale, by: deadline) }
        guard case .answer(let failure) = error else {
            Testing.Issue.record("\(String(describing: error))")
            return
        }
        #expect(failure.code == .deadlineExceeded)
        #expect(clock.now.nanoseconds - start.nanoseconds < 1_500_000_000)
        #expect(world.redis[partition].loads.count == 1)
    }

    @Test func `many loads keep to the budget of a second`() throws {
        let ids = (1...2_001 as ClosedRange<Int64>).map { CouponID(10 + $0) }
        for id in ids { world.tables.coupons[id] = .sample(id, total: 10) }
        let start = clock.now
        for id in ids.prefix(2_000) { try keeper.load(id, by: deadline) }
        #expect(clock.now == start)
        try keeper.load(ids[2_000], by: deadline)
        #expect(clock.now.nanoseconds - start.nanoseconds >= 1_000_000_000)
    }

    @Test func `an admin whose deadline ends before the second does not wait for its end`() throws {
        let ids = (1...2_001 as ClosedRange<Int64>).map { CouponID(10 + $0) }
        for id in ids { world.tables.coupons[id] = .sample(id, total: 10) }
        for id in ids.prefix(2_000) { try keeper.load(id, by: deadline) }
        let soon = clock.now.advanced(byMilliseconds: 200)
        #expect(throws: BackendError.self) { try keeper.load(ids[2_000], by: soon) }
        #expect(clock.now.milliseconds(since: soon) < 50)
    }

    @Test func `a load rests after each page for as long as it took, so gates are served`() throws {
        gates.before = { [clock] call, _ in
            if call == .stage { clock.advance(milliseconds: 7) }
        }
        let small = CouponID(8)
        fixture.create(small, issued: 4)
        let start = clock.now
        try keeper.load(small, by: deadline)
        #expect(record(of: small)?.holders.count == 4)
        #expect(clock.now.milliseconds(since: start) == 2 * 7 * Int64(gates.count(of: .stage)))
    }
}
