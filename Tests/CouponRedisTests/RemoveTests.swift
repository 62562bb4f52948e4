/// How a coupon that is archived or deleted leaves the gate (rule 55).
internal import CouponCore
internal import TestSupport
internal import Testing

@testable internal import CouponRedis

@Suite struct RemoveTests {
    private func remove(_ fixture: RedisFixture, epoch: Epoch = 1) throws -> RemoveResult {
        try fixture.control.remove(
            CouponID(7), version: 2, partition: partition, epoch: epoch)
    }

    /// The keys of a partition that holds no coupon.
    private static let empty: Set = [
        Keys.gate(partition), Keys.epochs(partition), Keys.queue(partition),
    ]

    @Test func `a coupon leaves with all its keys, whatever the gate knows of its state`()
        async throws
    {
        let fixture = try await RedisFixture()
        try fixture.open(coupon())
        _ = try fixture.ask(request(1))
        #expect(
            try fixture.settle(from: .zero, to: at(1), [settled(coupon(issued: 1, last: 1), 1)]))
        let before = try fixture.ask(request(2, notAfter: 0)).rev
        #expect(try remove(fixture) == .removed)
        #expect(try Set(fixture.keys()).isSubset(of: Self.empty))
        guard case .reply(let reply) = try fixture.answer([request(2)]) else {
            Testing.Issue.record("the gate did not answer")
            return
        }
        guard case .notLoaded = reply.results[0] else {
            Testing.Issue.record("\(reply.results)")
            return
        }
        #expect(try remove(fixture) == .removed, "it may run twice")
        _ = try fixture.load(coupon(state: .closed))
        #expect(try fixture.ask(request(2)).rev > before + 2, "each removal raises rev")
    }

    @Test func `a coupon with queued requests stays`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon())
        _ = try fixture.ask(request(1))
        let closed = coupon(state: .closed, version: 2)
        #expect(try fixture.control.set(closed, partition: partition, epoch: 1) == .current)
        #expect(try remove(fixture) == .queued)
        #expect(try fixture.inspect().record?.queued == 1)
    }

    @Test func `a load that has read an older version cannot write its record`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open()
        let (_, load) = try fixture.claim()
        #expect(try fixture.stage([holder(1, sequence: 1)], load: load))
        #expect(try remove(fixture) == .removed)
        #expect(try !fixture.stage([holder(2, sequence: 2)], load: load))
        #expect(try fixture.name(coupon(), staged: 1, load: load) == .superseded)
        #expect(try fixture.inspect().record == nil)
    }

    @Test func `a gate of another epoch, or one that is fenced, removes nothing`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon())
        #expect(try remove(fixture, epoch: 2) == .stale)
        _ = try fixture.fence(epoch: 2)
        #expect(try remove(fixture, epoch: 2) == .stale)
        #expect(try fixture.keys().contains(Keys.record(CouponID(7), partition, 1)))
    }
}
