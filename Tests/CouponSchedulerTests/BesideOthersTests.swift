/// How much long work does at once while another partition keeps up (rule 44).
import CouponCore
import CoreTestKit
import Testing

@testable import CouponScheduler

@Suite struct BesideOthersTests {
    private let plant = Plant(partitions: 2)
    /// Of partition 1.
    private let beside: Int64 = 9

    /// Partition 1 has just issued something, and has nothing left.
    private func keepUp(_ daemon: TestDaemon) {
        plant.offer(beside)
        plant.accept(of: beside)
        plant.run(daemon) {
            plant.queue(1).isEmpty && daemon.scheduler.owned[PartitionID(1)]?.isReady == false
        }
    }

    @Test func `a search looks at few holders in a turn`() {
        let daemon = plant.daemon()
        plant.run(daemon) { plant.isOpen(0) && plant.isOpen(1) }
        plant.offer(8, holders: 30)
        keepUp(daemon)
        daemon.gates.holdersPerSearch = 1
        daemon.gates.before = { [clock = plant.clock] call, _ in
            if call != .wait { clock.advance(milliseconds: 1) }
        }
        plant.accept(3)
        plant.world.redis[PartitionID(0)].queue[1].isDamaged = true
        var (searches, most) = (0, 0)
        for _ in 0..<60 where daemon.scheduler.owned[PartitionID(0)]?.search?.result == nil {
            daemon.turn(plant.clock)
            let now = daemon.gates.count(of: .search)
            most = max(most, now - searches)
            searches = now
        }
        #expect(searches > 30 && most == 1)
    }

    @Test func `a rebuild loads fewer coupons at once`() {
        let daemon = plant.daemon {
            $0.slices.coupons = 8
            $0.slices.couponsBesideOthers = 2
        }
        plant.run(daemon) { plant.isOpen(0) && plant.isOpen(1) }
        let coupons = stride(from: 2 as Int64, through: 32, by: 2)
        for coupon in coupons { plant.offer(coupon) }
        keepUp(daemon)
        for coupon in coupons { plant.accept(of: coupon) }
        plant.loseGate()
        plant.run(daemon) { plant.isOpen() && plant.row().epoch == 2 }
        #expect(daemon.gates.count(of: .load) == 8)
    }

    @Test func `a transaction has few coupons`() {
        let daemon = plant.daemon { $0.slices.couponsBesideOthers = 2 }
        plant.run(daemon) { plant.isOpen(0) && plant.isOpen(1) }
        keepUp(daemon)
        let coupons = stride(from: 2 as Int64, through: 32, by: 2)
        for coupon in coupons {
            plant.offer(coupon)
            plant.accept(of: coupon)
        }
        var (most, left) = (0, plant.queue().count)
        plant.run(daemon) {
            most = max(most, left - plant.queue().count)
            left = plant.queue().count
            return left == 0
        }
        #expect(most == 2)
    }
}
