import CouponCore
import TestWorld
import Testing

@testable import chaos

@Suite struct ScheduleTests {
    @Test func `the same seed gives the same round`() {
        for seed in 1...50 as ClosedRange<UInt64> {
            let (one, other) = (Schedule(seed: seed), Schedule(seed: seed))
            #expect(one.strikes == other.strikes)
            #expect(one.offers == other.offers)
            #expect(one.wishes.map(\.user) == other.wishes.map(\.user))
            #expect(one.wishes.map(\.coupon) == other.wishes.map(\.coupon))
        }
    }

    @Test func `every fault occurs, and two faults of a round hit different targets`() {
        var drawn: Set<Fault> = []
        for seed in 1...2_000 as ClosedRange<UInt64> {
            let faults = Schedule(seed: seed).strikes.map(\.fault)
            #expect((1...2).contains(faults.count))
            #expect(Set(faults.map(\.target)).count == faults.count)
            drawn.formUnion(faults)
        }
        #expect(drawn == Set(Fault.all))
        #expect(Set(Fault.all.map(\.description)).count == Fault.all.count)
    }

    @Test func `on a cluster every fault occurs, and the first one hits the cluster`() {
        var drawn: Set<Fault> = []
        for seed in 1...600 as ClosedRange<UInt64> {
            let schedule = Schedule(seed: seed, faults: Fault.allInCluster, inCluster: true)
            #expect(schedule.strikes.first.map { Fault.ofCluster.contains($0.fault) } == true)
            drawn.formUnion(schedule.strikes.map(\.fault))
        }
        #expect(drawn == Set(Fault.allInCluster))
        #expect(Set(Fault.allInCluster.map(\.description)).count == Fault.allInCluster.count)
    }

    @Test func `with sentinels every fault occurs, and the first one hits the master`() {
        var drawn: Set<Fault> = []
        for seed in 1...600 as ClosedRange<UInt64> {
            let schedule = Schedule(
                seed: seed, faults: Fault.allWithSentinels, withSentinels: true)
            #expect(schedule.strikes.first.map { Fault.ofSentinels.contains($0.fault) } == true)
            drawn.formUnion(schedule.strikes.map(\.fault))
        }
        #expect(drawn == Set(Fault.allWithSentinels))
    }

    @Test func `some coupons are unlimited, some have a total, and no user asks twice`() {
        let schedule = Schedule(seed: 1)
        #expect(schedule.offers.count == Schedule.coupons)
        #expect(schedule.offers.values.contains { $0 == nil })
        #expect(schedule.offers.values.contains { $0 ?? 0 > 20 })
        let wishes = Set(schedule.wishes.map { [$0.coupon.rawValue, $0.user.rawValue] })
        #expect(wishes.count == schedule.wishes.count)
    }
}
