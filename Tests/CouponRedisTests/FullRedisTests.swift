/// A Redis that is full: what makes room or heals goes on, and nothing is accepted or loaded.
internal import CouponCore
internal import TestSupport
internal import Testing

@testable internal import CouponRedis

@Suite struct FullRedisTests {
    private func fill(_ bench: Bench) async throws {
        try await bench.server.cli("CONFIG", "SET", "maxmemory", "1")
    }

    private func expectFull(
        sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
    ) {
        let error = #expect(throws: GateControlError.self, sourceLocation: sourceLocation) {
            try body()
        }
        guard case .unavailable(let text)? = error, text.contains("maxmemory") else {
            Testing.Issue.record("\(String(describing: error))", sourceLocation: sourceLocation)
            return
        }
    }

    @Test func `a gate is rebuilt in it`() async throws {
        let bench = try await Bench()
        try bench.open(coupon(total: 3, issued: 1, last: 1))
        _ = try bench.ask(request(2))
        try await fill(bench)
        #expect(try bench.fence(epoch: 2))
        #expect(try bench.control.beat(partition, epoch: 2))
        while try bench.control.sweep(partition, before: 2, limit: 10) {}
        #expect(try bench.stage([holder(1, sequence: 1)], epoch: 2, load: nil))
        #expect(
            try bench.name(
                coupon(total: 3, issued: 1, last: 1), staged: 1, epoch: 2, load: nil) == .loaded)
        #expect(try bench.count(epoch: 2, from: .zero) == at(1))
        #expect(try bench.finish(epoch: 2, counted: at(1)))
        let record = try #require(try bench.inspect().record)
        #expect(record.used == 2 && record.queued == 1)
        expectFull { _ = try bench.answer([request(3)], epoch: 2) }
        #expect(try bench.search([at(1)]).found.holders(at: at(1)).map(\.user) == [UserID(2)])
        try await bench.server.cli("CONFIG", "SET", "maxmemory", "0")
        #expect(
            try bench.ask(request(3), epoch: 2).verdicts
                == [.accepted(sequence: 3, position: at(1, epoch: 2))])
    }

    @Test func `settling, changing and leaving go on in it, and no load is begun or ended`()
        async throws
    {
        let bench = try await Bench(retention: 3_600_000)
        try bench.open(coupon(total: 2))
        _ = try bench.ask(request(1), request(2))
        let (_, load) = try bench.claim(8)
        try await fill(bench)
        let control = bench.control
        expectFull { _ = try bench.answer([request(3)]) }
        expectFull { _ = try bench.claim(9) }
        expectFull { _ = try bench.stage([holder(1, sequence: 1)], 8, load: load) }
        expectFull { _ = try bench.name(coupon(8), load: load) }
        try control.abandon(CouponID(8), partition: partition, epoch: 1, load: load)
        #expect(try await bench.server.cli("EXISTS", bench.claimKey(8)) == "0")
        #expect(
            try control.cap(CouponID(7), version: 1, partition: partition, epoch: 1, total: 2)
                == .capped)
        #expect(
            try bench.settle(
                from: .zero, to: at(1), [settled(coupon(total: 2, version: 2, issued: 1), 2)],
                refusals: [refusal(2, sequence: 2, at: at(1), .deadLetter)]))
        let letter = DeadLetter(
            id: 1,
            holding: Holding(
                coupon: CouponID(7), user: UserID(2), sequence: 2, requestID: id("a")),
            position: at(1), error: "", state: .discarded, createdAt: .zero)
        #expect(
            try control.settle(
                letter, of: coupon(total: 2, version: 2, issued: 1), partition: partition,
                epoch: 1) == .current)
        #expect(
            try control.set(
                coupon(total: 2, state: .closed, version: 3, issued: 1), partition: partition,
                epoch: 1) == .current)
        #expect(try control.heartbeat([partitionRow(epoch: 1, cursor: at(1))]) != [nil])
        #expect(try bench.view().items.isEmpty)
        try await bench.server.cli("CONFIG", "SET", "maxmemory", "0")
        try bench.itIsTime()
        try await fill(bench)
        #expect(try !bench.unload())
        #expect(try bench.inspect().record == nil)
    }
}
