/// What an admin's change does to a loaded coupon, against rules 33 and 34.
internal import CouponCore
internal import TestSupport
internal import Testing

@testable internal import CouponRedis

@Suite struct ChangeTests {
    @Test func `set applies only a higher version`() async throws {
        let fixture = try await RedisFixture()
        let control = fixture.control
        #expect(try control.set(coupon(), partition: partition, epoch: 1) == .stale)
        try fixture.open()
        #expect(try control.set(coupon(), partition: partition, epoch: 1) == .notLoaded)
        _ = try fixture.load(coupon(total: 1, version: 3))
        let rev = try fixture.ask(request(1)).rev
        #expect(
            try control.set(coupon(total: 5, version: 3), partition: partition, epoch: 1)
                == .current)
        #expect(try fixture.ask(request(2)).verdicts == [.soldOut])
        #expect(
            try control.set(coupon(total: 2, version: 4), partition: partition, epoch: 1)
                == .current)
        let raised = try fixture.ask(request(2))
        #expect(raised.verdicts == [.accepted(sequence: 2, position: at(2))])
        #expect(raised.rev == rev + 1 && raised.version == 4)
        #expect(try control.set(coupon(), partition: partition, epoch: 2) == .stale)
    }

    @Test func `a cap holds until a version that was committed after it`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon(total: 5))
        _ = try fixture.ask(request(1), request(2))
        func cap(_ total: Int64, version: Int64) throws -> CapResult {
            try fixture.control.cap(
                CouponID(7), version: version, partition: partition, epoch: 1, total: total)
        }
        #expect(try cap(1, version: 3) == .refused(used: 2))
        #expect(try cap(2, version: 3) == .capped)
        #expect(try fixture.ask(request(3)).verdicts == [.soldOut])
        // Committed before the lock under which the cap was set, and late.
        let late = coupon(total: 5, version: 3)
        #expect(try fixture.control.set(late, partition: partition, epoch: 1) == .current)
        #expect(try fixture.ask(request(3)).verdicts == [.soldOut])
        let lowered = coupon(total: 3, version: 4)
        #expect(try fixture.control.set(lowered, partition: partition, epoch: 1) == .current)
        #expect(try fixture.inspect().record?.cap == nil)
        #expect(
            try fixture.ask(request(3), request(4)).verdicts == [
                .accepted(sequence: 3, position: at(2)), .soldOut,
            ])
    }

    @Test func `a cap at the total clears a stale cap`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon(total: 5))
        let control = fixture.control
        let id = CouponID(7)
        #expect(
            try control.cap(id, version: 1, partition: partition, epoch: 1, total: 0) == .capped)
        let rev = try fixture.ask(request(1)).rev
        #expect(
            try control.cap(id, version: 1, partition: partition, epoch: 1, total: 5) == .capped)
        let open = try fixture.ask(request(1))
        #expect(open.verdicts == [.accepted(sequence: 1, position: at(1))] && open.rev == rev + 1)
        #expect(
            try control.cap(id, version: 1, partition: partition, epoch: 2, total: 5) == .stale)
        #expect(
            try control.cap(CouponID(10), version: 1, partition: partition, epoch: 1, total: 5)
                == .notLoaded)
    }
}
