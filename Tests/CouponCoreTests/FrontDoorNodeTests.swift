/// A front door of partitions on several nodes of Redis: each has its own subscription, each node its own
/// clock.
import CoreTestKit
import Testing

@testable import CouponCore

@Suite struct FrontDoorNodeTests {
    @Test func `if the subscription of one partition breaks, the others keep their marks`() {
        var entrance = Entrance()
        let other = PartitionID(2)
        entrance.reply(.closed(.full))
        entrance.door.subscriptionDown(of: other, now: entrance.clock.now)
        #expect(entrance.judge() == .bounce(.soldOut))
        entrance.door.subscriptionUp(of: other)
        #expect(entrance.judge() == .bounce(.soldOut))
        entrance.door.subscriptionDown(of: other, now: entrance.clock.now)
        let asked = entrance.door.generation(of: couponPartition)
        entrance.door.subscriptionDown(of: couponPartition, now: entrance.clock.now)
        #expect(entrance.judge() == .ask, "it may have opened again")
        entrance.door.subscriptionUp(of: other)
        #expect(entrance.judge() == .ask, "another partition's events tell nothing of it")
        entrance.door.subscriptionUp(of: couponPartition)
        #expect(entrance.judge() == .ask)
        #expect(entrance.door.remembers(coupon) == (false, false))
        entrance.reply(.closed(.full), under: asked)
        #expect(entrance.judge() == .ask, "it was asked before the new subscription")
        entrance.reply(.closed(.full))
        #expect(entrance.judge() == .bounce(.soldOut))
    }

    @Test func `each gate has a clock of its own`() {
        var entrance = Entrance()
        let other = PartitionID(2)
        entrance.door.route([0, 0, 1, -1], gateCount: 2)
        entrance.door.see(
            opens.advanced(byMilliseconds: 60_000), of: other, askedAt: entrance.clock.now,
            now: entrance.clock.now)
        entrance.reply(
            .closed(.notOpen(opens: opens)), at: opens.advanced(byMilliseconds: -60_000))
        #expect(entrance.judge() == .bounce(.notOpen(opens: opens)))
        #expect(
            entrance.door.gateNow(of: couponPartition, entrance.clock.now)
                == opens.advanced(byMilliseconds: -60_000))
        #expect(entrance.door.gateNow(of: PartitionID(3), entrance.clock.now) == nil)
        entrance.door.route([1, 1, 1, 1], gateCount: 2)
        #expect(entrance.judge() == .ask, "by its node's clock the window is open")
    }
}
