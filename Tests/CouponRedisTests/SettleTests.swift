/// Settle against rules 21 to 23: exactly once, and how slots, holders, queue and rev change.
internal import CouponCore
internal import TestSupport
internal import Testing

@testable internal import CouponRedis

@Suite struct SettleTests {
    @Test func `settle happens once, and only in its epoch`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon())
        _ = try fixture.ask(request(1), request(2))
        let refused = [rejection(1, sequence: 1, at: at(1), .soldOut)]
        let done = [settled(coupon(issued: 1), 2)]
        #expect(try !fixture.settle(from: at(1), to: at(1), done))
        #expect(try fixture.settle(from: .zero, to: at(1), done, rejections: refused))
        #expect(try !fixture.settle(from: .zero, to: at(1), done, rejections: refused))
        #expect(try fixture.inspect().record?.used == 1)
        #expect(try fixture.inspect().settled == at(1))
        _ = try fixture.fence(epoch: 2)
        #expect(try !fixture.settle(from: at(1), to: at(2), done))
    }

    @Test func `a Redis that was a replica in between settles nothing`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon())
        _ = try fixture.ask(request(1))
        let before = try fixture.control.identity()
        try await fixture.server.cli("REPLICAOF", "127.0.0.1", "1")
        try await fixture.server.cli("REPLICAOF", "NO", "ONE")
        let done = [settled(coupon(issued: 1), 1)]
        #expect(try !fixture.settle(from: .zero, to: at(1), done, identity: before))
        #expect(try fixture.settle(from: .zero, to: at(1), done))
    }

    @Test func `a rejected user frees the slot and may ask again`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon(total: 1))
        let full = try fixture.ask(request(1))
        #expect(full.door == .closed(.full))
        #expect(
            try fixture.settle(
                from: .zero, to: at(1), [settled(coupon(total: 1), 1)],
                rejections: [rejection(1, sequence: 1, at: at(1), .soldOut)]))
        let record = try #require(try fixture.inspect().record)
        #expect(record.used == 0 && record.queued == 0)
        #expect(record.rev > full.rev, "the coupon opened again")
        #expect(
            try fixture.ask(request(1), request(1, "b")).verdicts == [
                .rejected(sequence: 1, reason: .soldOut), .accepted(sequence: 2, position: at(2)),
            ])
        // A late rejection of the first request must not free the second one's slot.
        #expect(
            try fixture.settle(
                from: at(1), to: at(2), [],
                rejections: [rejection(1, sequence: 1, at: at(1), .soldOut)]
            ))
        #expect(try fixture.inspect().record?.used == 1)
    }

    @Test func `a dead letter keeps its slot`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon())
        _ = try fixture.ask(request(bigUser))
        #expect(
            try fixture.settle(
                from: .zero, to: at(1), [settled(coupon(), 1)],
                rejections: [rejection(bigUser, sequence: 1, at: at(1), .deadLetter)]))
        #expect(try fixture.inspect().record?.used == 1)
        #expect(try fixture.inspect(bigUser).holder?.rejection == .deadLetter)
        #expect(
            try fixture.ask(request(bigUser), request(bigUser, "b")).verdicts == [
                .rejected(sequence: 1, reason: .deadLetter),
                .duplicate(sequence: 1, state: .rejected, position: at(1)),
            ])
    }

    @Test func `a user who already has the coupon keeps that acceptance as holder`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon())
        _ = try fixture.ask(request(1))
        let row = AcceptedRequest(
            coupon: CouponID(7), user: UserID(1), sequence: 99, requestID: id("earlier"))
        #expect(
            try fixture.settle(
                from: .zero, to: at(1), [settled(coupon(), 1)],
                rejections: [rejection(1, sequence: 1, at: at(1), .alreadyIssued, issued: row)]))
        #expect(try fixture.inspect().record?.used == 0)
        #expect(
            try fixture.inspect(1).holder
                == GateHolder(
                    sequence: 99, position: .zero, requestID: id("earlier"), rejection: nil))
        #expect(
            try fixture.ask(request(1)).verdicts == [
                .duplicate(sequence: 99, state: .issued, position: .zero)
            ])
    }

    /// After REPLICAOF there and back a sequence is given twice; the rebuilt gate holds the first.
    @Test func `another acceptance of the same sequence keeps its slot`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open()
        let issued = holder(1, sequence: 2, name: "first")
        _ = try fixture.load(coupon(issued: 1, last: 2), holders: [issued])
        let row = AcceptedRequest(
            coupon: CouponID(7), user: UserID(1), sequence: 2, requestID: id("first"))
        #expect(
            try fixture.settle(
                from: .zero, to: at(1), [settled(coupon(issued: 1), 1)],
                rejections: [
                    rejection(1, sequence: 2, at: at(1), .alreadyIssued, name: "again", issued: row)
                ]))
        #expect(try fixture.inspect().record?.used == 1)
        #expect(try fixture.inspect(1).holder == issued.holder)
    }

    @Test func `the queue is trimmed exactly`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon(total: nil))
        for user in 1...300 { _ = try fixture.ask(request(Int64(user))) }
        #expect(
            try fixture.settle(
                from: .zero, to: at(123), [settled(coupon(total: nil, issued: 123), 123)]))
        let view = try fixture.view()
        #expect(view.items.first?.position == at(124) && view.items.count == 177)
        #expect(view.queueEnd == at(300) && view.tail == 300 && view.settled == at(123))
        #expect(try fixture.inspect().record?.queued == 177)
    }

    @Test func `only a newer version is applied`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon(total: 10, version: 5))
        let before = try #require(try fixture.inspect().record)
        #expect(
            try fixture.settle(from: .zero, to: at(0), [settled(coupon(total: 1, version: 4), 0)]))
        let record = try #require(try fixture.inspect().record)
        #expect(record == before, "nothing opened or closed, so rev stays as well")
        #expect(
            try fixture.settle(
                from: at(0), to: at(0), [settled(coupon(total: 10, version: 6, issued: 10), 0)]))
        let finished = try fixture.ask(request(1))
        #expect(finished.version == 6 && finished.rev > before.rev)
        #expect(finished.door == .closed(.soldOut))
    }

    @Test func `a coupon that is not loaded is skipped`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open()
        #expect(
            try fixture.settle(
                from: .zero, to: at(0), [settled(coupon(), 3)],
                rejections: [
                    rejection(1, sequence: 1, at: at(1), .notFound),
                    rejection(1, sequence: 1, at: at(1), .notFound, coupon: 10),
                ]))
        #expect(try fixture.inspect().record == nil)
    }
}
