/// What tests of loads and statuses begin with: a keeper of coupons over models of Redis and PostgreSQL.
import CoreTestKit

@testable import CouponCore

/// The models, and open gates of epoch 1.
struct KeeperFixture {
    let clock = VirtualClock()
    let world: ModelWorld
    let gates: ModelGates
    let store: FakeStore
    let keeper: CouponKeeper

    /// - Parameters:
    ///   - open: the partitions whose gates are open; nil for all.
    ///   - holders: how many a page of a load has; nil for as many as the daemon's.
    ///   - issuesLoadedLater: with so many issues a coupon opens before they are loaded.
    init(
        partitions: Int = 1, open: [PartitionID]? = nil, holders: Int? = nil,
        issuesLoadedLater: Int64? = nil
    ) {
        world = ModelWorld(partitions: partitions, clocks: clock.clocks)
        gates = ModelGates(world)
        store = FakeStore(world)
        var slices = Slices()
        if let holders { (slices.holders, slices.holdersOfLoad) = (holders, holders) }
        if let issuesLoadedLater { slices.issuesLoadedLater = issuesLoadedLater }
        keeper = CouponKeeper(
            store: store, gates: gates, partitioning: world.partitioning, slices: slices,
            clocks: clock.clocks, forget: { _ in }, failed: { _ in })
        for partition in open ?? Array(world.partitioning.all) { world.openGate(partition) }
    }

    /// Adds a coupon to PostgreSQL, with issues for the users 1 to `issued`.
    func create(_ coupon: CouponID = sale, total: Int64 = 10, issued: Int64 = 0) {
        world.tables.coupons[coupon] = .sample(coupon, total: total, issued: issued)
        if issued > 0 { world.issue(coupon, to: 1...issued) }
    }
}

/// A suite that has one.
protocol KeeperSuite {
    var fixture: KeeperFixture { get }
}

extension KeeperSuite {
    var clock: VirtualClock { fixture.clock }
    var world: ModelWorld { fixture.world }
    var gates: ModelGates { fixture.gates }
    var store: FakeStore { fixture.store }
    var keeper: CouponKeeper { fixture.keeper }

    /// What the gate has of a coupon; nil if it does not hold it.
    func record(of coupon: CouponID) -> ModelRedis.Loaded? {
        world.redis[world.partitioning.partition(of: coupon)][1, coupon]
    }

    /// What loads have staged of a coupon.
    func staging(of coupon: CouponID) -> ModelRedis.Staged? {
        let redis = world.redis[world.partitioning.partition(of: coupon)]
        return redis.loads[ModelRedis.Key(epoch: 1, coupon: coupon)]
    }

    /// Runs steps of a load until one of them does not move.
    func run(_ load: inout CouponLoad) -> CouponLoad.Step {
        for _ in 0..<100 {
            let step = load.advance(keeper)
            guard case .moved = step else { return step }
        }
        return .moved(holders: 0)
    }
}
