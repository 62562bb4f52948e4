/// How coupons leave Redis, against rule 41: the owner removes them when they are due; nothing expires.
internal import CouponCore
internal import TestSupport
internal import Testing

@testable internal import CouponRedis

/// So long that nothing is due before a test makes it due.
private let retention: Int64 = 3_600_000

private let finished: [(String, Coupon)] = [
    ("ended", coupon(total: nil, closes: 1_000)),
    ("closed", coupon(total: nil, state: .closed)),
    ("sold out", coupon(total: 1, issued: 1, last: 1)),
]

@Suite struct RedisUnloadTests {
    /// Whether a coupon is in the gate; if not, none of its keys is.
    private func isHeld(_ fixture: RedisFixture, _ coupon: Int64 = 7) async throws -> Bool {
        let keys = Keys.all(CouponID(coupon), partition, 1)
        let count = try await fixture.server.cli(["EXISTS"] + keys)
        let isHeld = try fixture.inspect(coupon: coupon).record != nil
        #expect(isHeld || count == "0")
        return isHeld
    }

    @Test(arguments: finished)
    func `a finished coupon leaves after its retention, with all its keys`(
        _: String, over: Coupon
    ) async throws {
        let fixture = try await RedisFixture(retention: retention)
        try fixture.open()
        let holders = over.issued == 1 ? [holder(1, sequence: 1)] : []
        #expect(try fixture.load(over, holders: holders) == .loaded)
        let now = try fixture.inspect().now.microseconds / 1_000
        let visit = try #require(try fixture.visit())
        #expect((now - 60_000...now + 60_000).contains(visit - retention))
        #expect(try !fixture.unload())
        #expect(try await isHeld(fixture))
        try fixture.itIsTime()
        #expect(try !fixture.unload())
        #expect(try await !isHeld(fixture))
        #expect(try fixture.visit() == nil)
    }

    @Test func `a clock that was ahead delays no coupon`() async throws {
        let fixture = try await RedisFixture(retention: retention)
        try fixture.open(coupon(total: 1, issued: 1, last: 1))
        let planned = try #require(try fixture.visit())
        // As if it had sold out while the gate's clock was a year ahead.
        let ahead = String(planned + 365 * 24 * 3_600_000)
        for score in [ahead, "inf"] {
            try fixture.call(Command("ZADD", Keys.coupons(partition, 1), "XX", score, "7"))
            #expect(try !fixture.unload())
            let visit = try #require(try fixture.visit())
            #expect((planned...planned + 60_000).contains(visit))
        }
        // The coupon was not due, so it is still held.
        #expect(try await isHeld(fixture))
        let later = coupon(8, closes: 4_000_000_000_000_999)
        #expect(try fixture.load(later) == .loaded)
        let end = try fixture.visit(8)
        #expect(try !fixture.unload())
        #expect(try fixture.visit(8) == end)
    }

    @Test func `a coupon that will end is checked after its end and retention`() async throws {
        let fixture = try await RedisFixture(retention: retention)
        try fixture.open(coupon(closes: 4_000_000_000_000_999))
        #expect(try fixture.visit() == 4_000_000_000_000 + retention)
    }

    @Test func `a coupon without an end, or with endless retention, stays`() async throws {
        let fixture = try await RedisFixture(retention: retention)
        try fixture.open(coupon(closes: .max))
        #expect(try fixture.visit() == .max)
        try fixture.itIsTime()
        #expect(try !fixture.unload())
        #expect(try await isHeld(fixture))
        #expect(try fixture.visit() == .max)

        let forEver = try await RedisFixture(retention: 0)
        try forEver.open(coupon(total: 1, issued: 1, last: 1))
        #expect(try forEver.visit() == .max)
    }

    @Test func `a sold-out coupon leaves when nothing of it is queued and its retention is over`()
        async throws
    {
        let fixture = try await RedisFixture(retention: retention)
        try fixture.open(coupon(total: 2))
        for user in 1...2 { _ = try fixture.ask(request(Int64(user))) }
        let sold = coupon(total: 2, version: 2, issued: 2, last: 2)
        #expect(try fixture.settle(from: .zero, to: at(1), [settled(sold, 1)]))
        try fixture.itIsTime()
        #expect(try !fixture.unload())
        #expect(try await isHeld(fixture))
        let later = try #require(try fixture.visit())
        #expect(later > retention, "it is looked at again")
        #expect(try fixture.settle(from: at(1), to: at(2), [settled(sold, 1)]))
        #expect(try !fixture.unload())
        #expect(try await isHeld(fixture))
        try fixture.itIsTime()
        #expect(try !fixture.unload())
        #expect(try await !isHeld(fixture))
    }

    @Test func `a coupon whose total is raised in time stays`() async throws {
        let fixture = try await RedisFixture(retention: retention)
        try fixture.open(coupon(total: 1, issued: 1, last: 1, closes: .max))
        let raised = coupon(total: 2, version: 2, issued: 1, last: 1, closes: .max)
        #expect(try fixture.control.set(raised, partition: partition, epoch: 1) == .current)
        #expect(try fixture.visit() == .max)
        try fixture.itIsTime()
        _ = try fixture.unload()
        #expect(try fixture.ask(request(3)).verdicts == [.accepted(sequence: 2, position: at(1))])
    }

    @Test func `a capped coupon stays until the cap ends`() async throws {
        let fixture = try await RedisFixture(retention: retention)
        try fixture.open(coupon(total: 1, version: 2, issued: 1, last: 1))
        func cap(version: Int64) throws -> CapResult {
            try fixture.control.cap(
                CouponID(7), version: version, partition: partition, epoch: 1, total: 1)
        }
        // The total was raised, which the gate does not know, and is lowered again.
        #expect(try cap(version: 3) == .capped)
        try fixture.itIsTime()
        #expect(try !fixture.unload())
        #expect(try await isHeld(fixture))
        // PostgreSQL lost the raise: a cap at the total has no effect.
        #expect(try cap(version: 2) == .capped)
        try fixture.itIsTime()
        #expect(try !fixture.unload())
        #expect(try await !isHeld(fixture))
    }

    @Test func `a few coupons leave at a time, and the result says if more are due`() async throws {
        let fixture = try await RedisFixture(retention: retention)
        try fixture.open()
        for id in 1...5 as ClosedRange<Int64> {
            _ = try fixture.load(coupon(id, state: .closed))
            try fixture.itIsTime(id)
        }
        func left() async throws -> Int {
            try fixture.keys().count { $0.hasSuffix(":record") }
        }
        #expect(try fixture.unload(limit: 2))
        #expect(try await left() == 3)
        #expect(try fixture.unload(limit: 2))
        #expect(try !fixture.unload(limit: 2))
        #expect(try await left() == 0)
        #expect(try !fixture.unload(epoch: 2))
    }

    @Test func `staged holders are removed only if their load no longer moves`()
        async throws
    {
        let fixture = try await RedisFixture(retention: retention)
        try fixture.open()
        let (_, load) = try fixture.claim()
        #expect(try fixture.stage([holder(1, sequence: 1)], load: load))
        try fixture.itIsTime()
        #expect(try !fixture.unload())
        #expect(try await fixture.server.cli("EXISTS", fixture.stagedKey()) == "1")
        let later = try #require(try fixture.visit())
        #expect(later > 0 && later < .max, "it is looked at again")
        try fixture.age(fixture.claimKey(), load: load)
        try fixture.itIsTime()
        #expect(try !fixture.unload())
        #expect(
            try Set(fixture.keys()) == [Keys.gate(partition), Keys.epochs(partition)])
        #expect(try fixture.name(coupon(), staged: 1, load: load) == .superseded)
    }

    /// An expiry would block Redis for half a second for each million holders.
    @Test func `no key ever has a time to live`() async throws {
        let fixture = try await RedisFixture(retention: retention)
        func expectNoEnds() async throws {
            for key in try fixture.keys() {
                #expect(try await fixture.server.cli("PTTL", key) == "-1", "\(key)")
            }
        }
        try fixture.open()
        let (_, load) = try fixture.claim()
        #expect(try fixture.stage([holder(1, sequence: 1)], load: load))
        try await expectNoEnds()
        #expect(
            try fixture.name(coupon(total: 2, issued: 1, last: 1), staged: 1, load: load) == .loaded
        )
        _ = try fixture.ask(request(2))
        try await expectNoEnds()
        let sold = coupon(total: 2, version: 2, issued: 2, last: 2)
        #expect(try fixture.settle(from: .zero, to: at(1), [settled(sold, 1)]))
        _ = try fixture.control.cap(
            CouponID(7), version: 2, partition: partition, epoch: 1, total: 2)
        let closed = coupon(total: 2, state: .closed, version: 3, issued: 2, last: 2)
        #expect(try fixture.control.set(closed, partition: partition, epoch: 1) == .current)
        try await expectNoEnds()
        _ = try fixture.claim(8)
        _ = try fixture.fence(epoch: 2, cursor: at(1))
        #expect(
            try fixture.name(
                closed, holders: [holder(1, sequence: 1), holder(2, sequence: 2)], epoch: 2,
                load: nil) == .loaded)
        try await expectNoEnds()
        _ = try fixture.finish(epoch: 2, cursor: at(1), counted: at(1))
        while try fixture.control.sweep(partition, before: 2, limit: 1) { try await expectNoEnds() }
        try fixture.itIsTime(epoch: 2)
        _ = try fixture.unload(epoch: 2)
        try await expectNoEnds()
        #expect(try fixture.keys().allSatisfy { !$0.contains(":7:") && !$0.contains(":8:") })
    }
}
