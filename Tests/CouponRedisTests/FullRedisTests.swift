/// A full Redis: scripts that make room or repair run, and nothing is accepted or loaded.
internal import CouponCore
internal import TestSupport
internal import Testing

@testable internal import CouponRedis

@Suite struct FullRedisTests {
    private func fill(_ fixture: RedisFixture) async throws {
        try await fixture.server.cli("CONFIG", "SET", "maxmemory", "1")
    }

    private func expectFull(
        sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
    ) {
        let error = #expect(throws: BackendError.self, sourceLocation: sourceLocation) {
            try body()
        }
        guard case .redis(.refused(let text))? = error, text.contains("maxmemory") else {
            Testing.Issue.record("\(String(describing: error))", sourceLocation: sourceLocation)
            return
        }
    }

    @Test func `a gate is rebuilt in a full Redis`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon(total: 3, issued: 1, last: 1))
        _ = try fixture.ask(request(2))
        try await fill(fixture)
        #expect(try fixture.fence(epoch: 2))
        #expect(try fixture.control.beat(partition, epoch: 2))
        while try fixture.control.sweep(partition, before: 2, limit: 10) {}
        #expect(try fixture.stage([holder(1, sequence: 1)], epoch: 2, load: nil))
        #expect(
            try fixture.name(
                coupon(total: 3, issued: 1, last: 1), staged: 1, epoch: 2, load: nil) == .loaded)
        #expect(try fixture.count(epoch: 2, from: .zero) == at(1))
        #expect(try fixture.finish(epoch: 2, counted: at(1)))
        let record = try #require(try fixture.inspect().record)
        #expect(record.used == 2 && record.queued == 1)
        expectFull { _ = try fixture.answer([request(3)], epoch: 2) }
        #expect(try fixture.search([at(1)]).found.holders(at: at(1)).map(\.user) == [UserID(2)])
        try await fixture.server.cli("CONFIG", "SET", "maxmemory", "0")
        #expect(
            try fixture.ask(request(3), epoch: 2).verdicts
                == [.accepted(sequence: 3, position: at(1, epoch: 2))])
    }

    @Test func `a queue moves in a full Redis`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon())
        _ = try fixture.ask(request(1))
        try await fixture.server.cli(
            "XADD", Keys.queue(partition), "18446744073709551615-1", "e", "x")
        try await fill(fixture)
        #expect(try fixture.fence(epoch: 2))
        var move = QueueMove(from: .zero)
        #expect(try fixture.control.move(&move, of: fixture.row(epoch: 2), limit: 500))
        #expect(move.isOver)
        #expect(
            try fixture.control.entries(partition, after: .zero, limit: 9).map(\.position)
                == [at(1)])
    }

    @Test func `a full Redis settles, changes and unloads, but begins and ends no load`()
        async throws
    {
        let fixture = try await RedisFixture(retention: 3_600_000)
        try fixture.open(coupon(total: 2))
        _ = try fixture.ask(request(1), request(2))
        let (_, load) = try fixture.claim(8)
        try await fill(fixture)
        let control = fixture.control
        expectFull { _ = try fixture.answer([request(3)]) }
        expectFull { _ = try fixture.claim(9) }
        expectFull { _ = try fixture.stage([holder(1, sequence: 1)], 8, load: load) }
        expectFull { _ = try fixture.name(coupon(8), load: load) }
        try control.abandon(CouponID(8), partition: partition, epoch: 1, load: load)
        #expect(try await fixture.server.cli("EXISTS", fixture.claimKey(8)) == "0")
        #expect(
            try control.cap(CouponID(7), version: 1, partition: partition, epoch: 1, total: 2)
                == .capped)
        #expect(
            try fixture.settle(
                from: .zero, to: at(1), [settled(coupon(total: 2, version: 2, issued: 1), 2)],
                rejections: [rejection(2, sequence: 2, at: at(1), .deadLetter)]))
        let letter = DeadLetter(
            id: 1,
            accepted: AcceptedRequest(
                coupon: CouponID(7), user: UserID(2), sequence: 2, requestID: id("a")),
            position: at(1), error: "", state: .discarded, createdAt: .zero)
        #expect(
            try control.apply(
                letter, of: coupon(total: 2, version: 2, issued: 1), partition: partition,
                epoch: 1) == .current)
        #expect(
            try control.set(
                coupon(total: 2, state: .closed, version: 3, issued: 1), partition: partition,
                epoch: 1) == .current)
        #expect(try control.heartbeatViews([partitionRow(epoch: 1, cursor: at(1))]) != [nil])
        #expect(try fixture.view().items.isEmpty)
        try await fixture.server.cli("CONFIG", "SET", "maxmemory", "0")
        try fixture.itIsTime()
        try await fill(fixture)
        #expect(try !fixture.unload())
        #expect(try fixture.inspect().record == nil)
    }
}
