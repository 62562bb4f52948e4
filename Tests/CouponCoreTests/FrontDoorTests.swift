/// What a worker may refuse by itself (promise 7; rules 38 to 40).
import CoreTestKit
import Testing

@testable import CouponCore

@Suite struct FrontDoorTests {
    @Test func `the gate is asked about an unknown coupon`() {
        var entrance = Entrance()
        #expect(entrance.judge() == .ask)
        entrance.reply(.open)
        #expect(entrance.judge() == .ask)
        #expect(entrance.door.remembers(coupon) == (true, false))
    }

    @Test(
        arguments: [
            (DoorReason.full, Outcome.soldOut), (.soldOut, .soldOut),
            (.ended(closed: .zero), .ended), (.paused, .paused), (.closed, .closed),
            (.notOpen(opens: opens), .notOpen(opens: opens)),
        ])
    func `a closed door bounces with its reason`(_ reason: DoorReason, _ outcome: Outcome) {
        var entrance = Entrance()
        entrance.reply(.closed(reason))
        #expect(entrance.judge() == .bounce(outcome))
        #expect(entrance.judge(1) == .ask, "a retry may be a holder's")
        #expect(entrance.door.remembers(coupon) == (true, true))
    }

    @Test
    func `the gate is asked about a coupon changed here, and an older reply does not close it`() {
        var entrance = Entrance()
        entrance.reply(.closed(.full), rev: 3)
        entrance.door.forget(coupon)
        #expect(entrance.judge() == .ask)
        entrance.reply(.closed(.full), rev: 2)
        #expect(entrance.judge() == .ask)
        entrance.reply(.closed(.paused), rev: 4)
        #expect(entrance.judge() == .bounce(.paused))
    }

    @Test func `a mark behind the gate's standing is forgotten`() {
        var entrance = Entrance()
        func forgets(_ rev: Int64, epoch: Epoch = 1) -> Bool {
            entrance.door.forget(
                coupon, ifBehind: GateStanding(coupon: coupon, epoch: epoch, rev: rev))
        }
        #expect(!forgets(9), "nothing is remembered")
        entrance.reply(.closed(.full), rev: 3)
        #expect(!forgets(2) && !forgets(3) && !forgets(9, epoch: 2))
        #expect(entrance.judge() == .bounce(.soldOut))
        #expect(forgets(4))
        #expect(entrance.judge() == .ask)
    }

    @Test func `a late SOLD_OUT does not undo a reopening of the same version`() {
        var entrance = Entrance()
        entrance.event(.open, rev: 2, version: 1)
        entrance.reply(.closed(.full), rev: 1, version: 1)
        #expect(entrance.judge() == .ask)
    }

    @Test func `an older reply does not undo an event`() {
        var entrance = Entrance()
        entrance.event(.closed(.full), rev: 3)
        entrance.reply(.open, rev: 2)
        #expect(entrance.judge() == .bounce(.soldOut))
    }

    @Test func `the event that reopens carries the standing itself`() {
        var entrance = Entrance()
        entrance.reply(.closed(.full), rev: 1)
        entrance.event(.open, rev: 2)
        #expect(entrance.judge() == .ask)
    }

    @Test func `a slow refresh does not overwrite a later event`() {
        var entrance = Entrance()
        entrance.reply(.closed(.full), rev: 1)
        let asked = entrance.door.generation(of: couponPartition)
        entrance.event(.open, rev: 2)
        entrance.reply(.closed(.full), rev: 1, under: asked)
        #expect(entrance.judge() == .ask)
    }

    @Test func `after a new subscription no old mark counts`() {
        var entrance = Entrance()
        entrance.reply(.closed(.soldOut))
        entrance.door.subscriptionDown(now: entrance.clock.now)
        entrance.door.subscriptionUp()
        #expect(entrance.judge() == .ask)
        #expect(entrance.door.remembers(coupon) == (false, false))
    }

    @Test func `a later epoch ends the bouncing, from an event or from PostgreSQL`() {
        var entrance = Entrance()
        entrance.reply(.closed(.soldOut), rev: 9)
        entrance.receive([], epoch: 2)
        #expect(entrance.judge() == .ask)

        var other = Entrance()
        other.reply(.closed(.soldOut), rev: 9)
        other.door.raise(couponPartition, to: 2)
        #expect(other.judge() == .ask)
        other.door.raise(couponPartition, to: 1)
        #expect(other.judge() == .ask, "epochs do not go back")
    }

    @Test func `a rev counts within its epoch`() {
        var entrance = Entrance()
        entrance.event(.open, rev: 9, epoch: 1)
        entrance.event(.closed(.full), rev: 1, epoch: 2)
        #expect(entrance.judge() == .bounce(.soldOut))
        entrance.reply(.open, rev: 10, epoch: 1)
        #expect(entrance.judge() == .bounce(.soldOut))
    }

    @Test func `pause and resume may arrive in either order`() {
        var entrance = Entrance()
        entrance.event(.open, rev: 3)
        entrance.reply(.closed(.paused), rev: 2)
        #expect(entrance.judge() == .ask)
        entrance.event(.closed(.paused), rev: 4)
        #expect(entrance.judge() == .bounce(.paused))
    }

    @Test func `a question of an earlier subscription closes nothing`() {
        var entrance = Entrance()
        let before = entrance.door.generation(of: couponPartition)
        entrance.door.subscriptionDown(now: entrance.clock.now)
        entrance.reply(.closed(.full), under: before)
        #expect(entrance.judge() == .ask, "no event would tell about the reopening")
        entrance.door.subscriptionUp()
        entrance.reply(.closed(.full), under: before)
        #expect(entrance.judge() == .ask)
        entrance.reply(.closed(.full))
        #expect(entrance.judge() == .bounce(.soldOut))
    }

    @Test func `of two standings with one rev the closed one counts`() {
        var entrance = Entrance()
        entrance.reply(.open, rev: 1)
        entrance.reply(.closed(.full), rev: 1)
        entrance.reply(.open, rev: 1)
        #expect(entrance.judge() == .bounce(.soldOut))
    }

    @Test
    func `a coupon is not kept closed if its window opens, or it fills, at the same rev`() {
        var entrance = Entrance()
        entrance.reply(.closed(.notOpen(opens: opens)), rev: 1)
        #expect(entrance.judge() == .bounce(.notOpen(opens: opens)))
        entrance.clock.advance(milliseconds: 1_000_000)
        entrance.reply(.open, rev: 1, at: opens)
        #expect(entrance.judge() == .ask)
        entrance.reply(.closed(.full), rev: 1, at: opens)
        #expect(entrance.judge() == .bounce(.soldOut))
        // A reply from before the opening comes late: in doubt the front door forgets.
        entrance.reply(.closed(.notOpen(opens: opens)), rev: 1, at: opens)
        #expect(entrance.judge() == .ask)
    }

    @Test func `NOT_OPEN bounces until one second before the opening, by the gate's clock`() {
        var entrance = Entrance()
        let gateNow = opens.advanced(byMilliseconds: -3_000)
        entrance.reply(.closed(.notOpen(opens: opens)), at: gateNow)
        entrance.clock.advance(milliseconds: 2_000)
        #expect(entrance.judge() == .bounceAndRefresh(.notOpen(opens: opens)))
        #expect(entrance.judge() == .bounce(.notOpen(opens: opens)))
        entrance.clock.advance(milliseconds: 1)
        #expect(entrance.judge() == .ask)
    }

    @Test func `a reply that travelled long does not put the gate's clock back`() {
        var entrance = Entrance()
        entrance.clock.advance(milliseconds: 10_000)
        let read = opens.advanced(byMilliseconds: -4_000)
        entrance.reply(.closed(.notOpen(opens: opens)), at: read, travelled: 5_000)
        #expect(entrance.judge() == .ask, "by now the window may be open")
        #expect(
            entrance.door.gateNow(of: couponPartition, entrance.clock.now)
                == opens.advanced(byMilliseconds: 1_000))
    }

    @Test func `without a reply the gate's clock is not guessed`() {
        var entrance = Entrance()
        entrance.event(.closed(.notOpen(opens: opens)), rev: 1)
        #expect(entrance.door.gateNow(of: couponPartition, entrance.clock.now) == nil)
        #expect(entrance.judge() == .ask)
    }

    @Test func `a gate's clock that went ahead and was put back leaves no ENDED behind`() {
        var entrance = Entrance()
        let closes = opens.advanced(byMilliseconds: 60_000)
        entrance.reply(.closed(.ended(closed: closes)), rev: 5, at: closes)
        #expect(entrance.judge() == .bounce(.ended))
        entrance.reply(.open, rev: 5, at: opens)
        #expect(entrance.judge() == .ask, "the window is open again, and no script published it")
        entrance.clock.advance(milliseconds: 59_999)
        #expect(entrance.judge() == .ask)
        entrance.clock.advance(milliseconds: 1)
        #expect(entrance.judge() == .bounceAndRefresh(.ended))
    }

    @Test func `another coupon's reply updates the clock too, even without a subscription`() {
        var entrance = Entrance()
        let closes = opens.advanced(byMilliseconds: 60_000)
        entrance.reply(.closed(.ended(closed: closes)), at: closes)
        entrance.door.subscriptionDown(now: entrance.clock.now)
        #expect(entrance.judge() == .bounce(.ended))
        entrance.reply(.open, of: CouponID(6), at: opens)
        #expect(entrance.judge() == .ask)
    }

    @Test func `a reply that travelled long does not make ENDED bounce too early`() {
        var entrance = Entrance()
        entrance.clock.advance(milliseconds: 10_000)
        let closes = opens.advanced(byMilliseconds: 60_000)
        entrance.reply(.closed(.ended(closed: closes)), at: closes)
        entrance.reply(.open, at: closes.advanced(byMilliseconds: -2_000), travelled: 5_000)
        #expect(entrance.judge() == .ask, "the gate's clock may be two seconds before the end")
        entrance.clock.advance(milliseconds: 2_000)
        #expect(entrance.judge() == .bounceAndRefresh(.ended))
    }

    @Test func `the gate is asked about an ended coupon while its clock is not known`() {
        var entrance = Entrance()
        entrance.event(.closed(.ended(closed: opens)), rev: 1)
        #expect(entrance.judge() == .ask)
        entrance.reply(.closed(.ended(closed: opens)), at: opens)
        #expect(entrance.judge() == .bounce(.ended))
    }

    @Test func `a mark older than a second is read again once, while requests bounce`() {
        var entrance = Entrance()
        entrance.reply(.closed(.full))
        entrance.clock.advance(milliseconds: 899)
        #expect(entrance.judge() == .bounce(.soldOut))
        entrance.clock.advance(milliseconds: 102)
        #expect(entrance.judge() == .bounceAndRefresh(.soldOut))
        #expect(entrance.judge() == .bounce(.soldOut))
        entrance.clock.advance(milliseconds: 1_000)
        #expect(entrance.judge() == .bounceAndRefresh(.soldOut), "the first one may be lost")
    }

    @Test func `workers and coupons do not refresh together`() {
        var entrance = Entrance(capacity: 1_000)
        for id in 1...200 { entrance.reply(.closed(.full), of: CouponID(Int64(id) * 4 + 1)) }
        entrance.clock.advance(milliseconds: 950)
        let refreshed = (1...200).count {
            entrance.judge(0, CouponID(Int64($0) * 4 + 1)) == .bounceAndRefresh(.soldOut)
        }
        #expect(refreshed > 40 && refreshed < 160, "\(refreshed) of 200")
    }

    @Test(arguments: [DoorReason.full, .paused, .notOpen(opens: opens)])
    func `without events the gate is asked about a door that may reopen`(_ reason: DoorReason) {
        var entrance = Entrance()
        entrance.reply(.closed(reason))
        entrance.door.subscriptionDown(now: entrance.clock.now)
        #expect(entrance.judge() == .ask)
    }

    @Test(arguments: [DoorReason.soldOut, .ended(closed: .zero), .closed])
    func `without events a finished coupon bounces for a bounded time`(
        _ reason: DoorReason
    ) {
        var entrance = Entrance()
        entrance.reply(.closed(reason))
        entrance.door.subscriptionDown(now: entrance.clock.now)
        #expect(entrance.judge() == .bounce(reason.outcome))
        entrance.clock.advance(milliseconds: 20_000)
        entrance.door.subscriptionDown(now: entrance.clock.now)
        entrance.clock.advance(milliseconds: 9_999)
        #expect(entrance.judge() == .bounceAndRefresh(reason.outcome))
        entrance.clock.advance(milliseconds: 1)
        #expect(entrance.judge() == .ask, "counted from the first break")
    }

    @Test func `before the first subscription nothing is closed`() {
        var entrance = Entrance(isUp: false)
        entrance.reply(.closed(.soldOut))
        #expect(entrance.judge() == .ask)
    }

    @Test func `NOT_FOUND bounces for a second, and any news overrides it`() {
        var entrance = Entrance()
        entrance.door.applyAbsence(of: coupon, now: entrance.clock.now)
        #expect(entrance.judge() == .bounce(.notFound))
        #expect(entrance.judge(1) == .ask)
        #expect(entrance.door.remembers(coupon) == (false, false))
        entrance.clock.advance(milliseconds: 1_000)
        #expect(entrance.judge() == .ask)
        entrance.door.applyAbsence(of: coupon, now: entrance.clock.now)
        entrance.reply(.open, rev: 0)
        #expect(entrance.judge() == .ask)
        entrance.door.applyAbsence(of: coupon, now: entrance.clock.now)
        entrance.door.forget(coupon)
        #expect(entrance.judge() == .ask)
    }

    @Test func `a partition that the front door does not know is ignored`() {
        var entrance = Entrance()
        entrance.door.raise(PartitionID(4), to: 7)
    }

    @Test func `a front door remembers no more than its capacity, and keeps what is in use`() {
        var entrance = Entrance(capacity: 100)
        entrance.reply(.closed(.full))
        for id in 1...10_000 {
            entrance.reply(.closed(.full), of: CouponID(Int64(id) * 4 + 1))
            if id.isMultiple(of: 40) { entrance.event(.closed(.full), rev: 1) }
        }
        #expect(entrance.judge() == .bounce(.soldOut), "a coupon with events stays")
        let remembered = (1...10_000).count {
            entrance.judge(0, CouponID(Int64($0) * 4 + 1)) == .bounce(.soldOut)
        }
        #expect((49...100).contains(remembered))
    }

    @Test func `ids without a coupon push out no coupon, and are bounded too`() {
        var entrance = Entrance(capacity: 100)
        entrance.reply(.closed(.full))
        for id in 1...10_000 {
            entrance.door.applyAbsence(of: CouponID(Int64(id) * 4), now: entrance.clock.now)
        }
        #expect(entrance.judge() == .bounce(.soldOut))
        let remembered = (1...10_000).count {
            entrance.judge(0, CouponID(Int64($0) * 4)) == .bounce(.notFound)
        }
        #expect((49...100).contains(remembered))
    }
}

@Suite struct RecentlySetTests {
    @Test func `keys that are set again stay, others go, and the count is bounded`() {
        var set = RecentlySet<Int, Int>(capacity: 10)
        for key in 0..<1_000 {
            set[key] = key
            set[-1] = key
            #expect(set.count <= 10)
            #expect(set[key] == key && set[-1] == key)
        }
        #expect(set[0] == nil)
        set[-1] = nil
        #expect(set[-1] == nil)
        set.removeAll()
        #expect(set.count == 0)
    }
}
