/// Fence, count, open and sweep against rules 27 to 31, each with the race that it exists for.
internal import CouponCore
internal import TestSupport
internal import Testing

@testable internal import CouponRedis

@Suite struct RedisRebuildTests {
    @Test func `fence accepts only a higher epoch, and open only its own`() async throws {
        let fixture = try await RedisFixture()
        #expect(try fixture.fence(epoch: 3))
        #expect(try !fixture.fence(epoch: 3))
        #expect(try !fixture.finish(epoch: 2, counted: .zero))
        #expect(try fixture.fence(epoch: 4, cursor: at(8)))
        #expect(try !fixture.finish(epoch: 3, counted: at(8)))
        #expect(try fixture.finish(epoch: 4, cursor: at(8), counted: at(8)))
        #expect(try !fixture.finish(epoch: 4, cursor: at(8), counted: at(8)))
        let view = try fixture.view()
        #expect(view.status == .open && view.epoch == 4 && view.tail == 0)
        #expect(view.settled == at(8) && view.beat == 0 && view.installID == "install")
    }

    @Test func `another installation's gate is not changed`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open()
        let row = PartitionRow(
            id: partition, epoch: 2, cursor: .zero, identity: nil, installID: "other")
        #expect(throws: BackendError.self) { try fixture.control.fence(row) }
        #expect(try fixture.view().epoch == 1)
    }

    @Test func `a distrusted gate is fenced, and opens only in a later epoch`()
        async throws
    {
        let fixture = try await RedisFixture()
        let control = fixture.control
        #expect(try control.distrust(partition) == 0, "there is no gate")
        try fixture.open(coupon(total: 3))
        _ = try fixture.ask(request(1))
        #expect(try control.distrust(partition) == 1)
        let view = try fixture.view()
        #expect(view.status == .fenced && view.epoch == 1 && view.tail == 1 && view.beat == 0)
        #expect(view.items.count == 1)
        // While a rebuild runs, that rebuild is enough: only the epoch before it is wrong.
        #expect(try fixture.fence(epoch: 2))
        #expect(try control.distrust(partition) == 1)
        #expect(try fixture.finish(epoch: 2, counted: .zero))
        #expect(try control.distrust(partition) == 2)
    }

    @Test func `only a fenced gate beats, and only in its epoch`() async throws {
        let fixture = try await RedisFixture()
        _ = try fixture.fence(epoch: 2)
        let control = fixture.control
        #expect(try fixture.view().beat == 1)
        #expect(try control.beat(partition, epoch: 2))
        #expect(try !control.beat(partition, epoch: 1))
        #expect(try fixture.view().beat == 2)
        _ = try fixture.finish(epoch: 2, counted: .zero)
        #expect(try !control.beat(partition, epoch: 2))
    }

    @Test func `a gate that fenced itself has no beat`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon())
        #expect(try fixture.answer([request(1)], floor: 1) == .rolledBack)
        let view = try fixture.view()
        #expect(view.status == .fenced && view.beat == 0)
    }

    @Test func `a rebuild keeps the queue`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon(total: 3))
        _ = try fixture.ask(request(1))
        _ = try fixture.ask(request(2))
        // The first request is issued but not settled.
        #expect(try fixture.fence(epoch: 2, cursor: at(1)))
        let issued = coupon(total: 3, issued: 1, last: 1)
        let holders = [holder(1, sequence: 1)]
        #expect(try fixture.name(issued, holders: holders, epoch: 2, load: nil) == .loaded)
        #expect(try fixture.name(issued, holders: holders, epoch: 1, load: nil) == .superseded)
        #expect(try fixture.name(issued, holders: holders, epoch: 2, load: nil) == .alreadyLoaded)
        #expect(try fixture.count(epoch: 2, from: at(1)) == at(2))
        #expect(try fixture.finish(epoch: 2, cursor: at(1), counted: at(2)))
        let view = try fixture.view()
        #expect(view.items.map(\.position) == [at(2)] && view.queueEnd == at(2))
        #expect(
            try fixture.ask(request(2), request(2, "b"), request(3), request(4), epoch: 2).verdicts
                == [
                    .replayed(sequence: 2, position: at(2)),
                    .duplicate(sequence: 2, state: .queued, position: at(2)),
                    .accepted(sequence: 3, position: at(1, epoch: 2)), .soldOut,
                ])
        // A read returns entries of one epoch only.
        #expect(try fixture.view(after: at(1)).items.map(\.position) == [at(2)])
        #expect(try fixture.view(after: at(2)).items.map(\.position) == [at(1, epoch: 2)])
    }

    @Test func `a repeated count changes nothing`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon(total: 3))
        for user in 1...3 { _ = try fixture.ask(request(Int64(user))) }
        _ = try fixture.fence(epoch: 2)
        _ = try fixture.name(coupon(total: 3), epoch: 2, load: nil)
        func count(_ from: Int64, _ to: Int64, epoch: Epoch = 2) throws -> Bool {
            let items = try fixture.control.entries(
                partition, after: at(from), limit: max(1, Int(to - from)))
            return try fixture.control.count(
                items.flatMap(\.requests), from: from == 0 ? .zero : at(from), to: at(to),
                partition: partition, epoch: epoch)
        }
        #expect(try count(0, 2))
        #expect(try !count(0, 2))
        #expect(try !count(1, 3))
        #expect(try !count(2, 3, epoch: 1))
        #expect(try fixture.inspect().record?.queued == 2)
        #expect(try fixture.view().settled == at(2))
        #expect(try count(2, 3))
        #expect(try !count(2, 3))
        let record = try #require(try fixture.inspect().record)
        #expect(record.used == 3 && record.queued == 3 && record.nextSequence == 4)
        #expect(try !fixture.finish(epoch: 2, counted: at(2)), "it has counted more")
        #expect(try fixture.finish(epoch: 2, counted: at(3)))
        #expect(try !count(3, 3))
    }

    @Test func `a gate of another Redis, or of one that was a replica in between, is not opened`()
        async throws
    {
        let fixture = try await RedisFixture()
        _ = try fixture.fence(epoch: 1)
        let before = try fixture.row(epoch: 1)
        try await fixture.server.cli("REPLICAOF", "127.0.0.1", "1")
        try await fixture.server.cli("REPLICAOF", "NO", "ONE")
        #expect(try !fixture.control.open(before, counted: .zero))
        #expect(try fixture.finish(epoch: 1, counted: .zero))
    }

    @Test func `a sweep removes a few coupons of earlier epochs at a time, and nothing else`()
        async throws
    {
        let fixture = try await RedisFixture()
        for epoch in [1, 2] as [Epoch] {
            try fixture.open(epoch: epoch)
            for id in 1...5 as ClosedRange<Int64> {
                let holders = [holder(1, sequence: 1)]
                _ = try fixture.load(coupon(id, issued: 1), holders: holders, epoch: epoch)
            }
            _ = try fixture.claim(6, epoch: epoch)
        }
        let foreign = ["coupond:{3}:1:7:recorded", "coupond:{30}:1:1:record", "shop:1"]
        for key in foreign { try await fixture.server.cli("SET", key, "x") }
        try fixture.open(epoch: 3)
        _ = try fixture.load(coupon(1), epoch: 3)
        let left = try fixture.keys().filter { $0.contains("{3}:3:") }
        try await fixture.server.cli("CONFIG", "RESETSTAT")
        var coupons: [Int] = []
        while try fixture.control.sweep(partition, before: 3, limit: 2) {
            coupons.append(try fixture.keys().count { $0.hasSuffix(":record") })
        }
        // Each sweep removes two coupons, and then the list of the epoch. Two records belong to other epochs.
        #expect(coupons == [11, 9, 7, 7, 6, 4, 2, 2])
        #expect(
            try Set(fixture.keys())
                == Set(left + foreign + [Keys.gate(partition), Keys.epochs(partition)]))
        #expect(try await fixture.server.cli("SMEMBERS", Keys.epochs(partition)) == "3")
        let statistics = try await fixture.server.cli("INFO", "commandstats")
        #expect(!statistics.contains("cmdstat_scan"))
        #expect(try !fixture.control.sweep(partition, before: 3, limit: 2))
    }

    @Test func `the keys of a lost gate are swept`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon())
        try await fixture.server.cli("DEL", Keys.gate(partition))
        try fixture.open(epoch: 5)
        while try fixture.control.sweep(partition, before: 5, limit: 100) {}
        #expect(
            try Set(fixture.keys()) == [Keys.gate(partition), Keys.epochs(partition)])
    }

    @Test func `a queue that is not a stream is removed by the fence`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon())
        let queue = Keys.queue(partition)
        try await fixture.server.cli("SET", queue, "x")
        #expect(try fixture.view().items.isEmpty && fixture.view().queueEnd == .zero)
        #expect(try fixture.answer([request(1)]) == .rolledBack)
        #expect(try fixture.fence(epoch: 2))
        #expect(try fixture.control.entries(partition, after: .zero, limit: 10).isEmpty)
        _ = try fixture.name(coupon(), epoch: 2, load: nil)
        #expect(try fixture.finish(epoch: 2, counted: .zero))
        #expect(
            try fixture.ask(request(1), epoch: 2).verdicts
                == [.accepted(sequence: 1, position: at(1, epoch: 2))])
        #expect(try await fixture.server.cli("TYPE", queue) == "stream")
    }
}
