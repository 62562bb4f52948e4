/// What the tests of the front door have in common.
import CoreTestKit

@testable import CouponCore

let coupon = CouponID(5)
let couponPartition = PartitionID(1)
let opens = Timestamp(microseconds: 1_000_000_000)

/// A front door of four partitions, its subscription up, and a clock.
struct Entrance {
    var door: FrontDoor
    let clock = VirtualClock(origin: .zero)

    init(capacity: Int = 100, isUp: Bool = true) {
        door = FrontDoor(
            partitioning: Partitioning(count: 4), capacity: (capacity, capacity), seed: 1,
            now: MonotonicTime(nanoseconds: 0))
        if isUp { door.subscriptionUp() }
        door.raise(couponPartition, to: 1)
    }

    mutating func judge(_ attempt: UInt32 = 0, _ id: CouponID = coupon) -> FrontDoor.Judgement {
        door.judge(id, attempt: attempt, now: clock.now)
    }

    mutating func reply(
        _ standing: Door, rev: Int64 = 1, epoch: Epoch = 1, version: Int64 = 1,
        under generation: Int? = nil, of id: CouponID = coupon, at gateNow: Timestamp = .zero,
        travelled milliseconds: Int64 = 0
    ) {
        let askedAt = clock.now.advanced(byMilliseconds: -milliseconds)
        door.see(gateNow, of: couponPartition, askedAt: askedAt, now: clock.now)
        door.apply(
            GateJudgement(rev: rev, version: version, door: standing, verdicts: []), of: id,
            epoch: epoch, askedUnder: generation ?? door.generation(of: couponPartition),
            now: clock.now)
    }

    mutating func event(_ standing: Door, rev: Int64, epoch: Epoch = 1, version: Int64 = 1) {
        receive([.init(coupon: coupon, rev: rev, version: version, door: standing)], epoch: epoch)
    }

    mutating func receive(_ coupons: [CompletionEvent.CouponStanding], epoch: Epoch) {
        door.receive(
            CompletionEvent(
                partition: couponPartition, epoch: epoch, from: .zero, to: .zero,
                publishedAt: .zero, resolve: false,
                coupons: coupons, rejections: []), now: clock.now)
    }
}
