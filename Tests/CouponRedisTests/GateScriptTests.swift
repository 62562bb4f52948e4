/// The gate script against rules 11 to 13, with the order of checks of rule 12.
internal import CoreTestKit
internal import CouponCore
internal import TestSupport
internal import Testing

@testable internal import CouponRedis

@Suite struct GateScriptTests {
    @Test func `requests are accepted in order, in one queue entry`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon())
        let reply = try fixture.ask(request(bigUser), request(bigUser - 1, "bb"))
        #expect(
            reply.verdicts == [
                .accepted(sequence: 1, position: at(1)), .accepted(sequence: 2, position: at(1)),
            ])
        #expect(reply.tail == 1 && reply.door == .open && reply.settled == .zero)
        let view = try fixture.view()
        #expect(view.tail == 1 && view.queueEnd == at(1) && view.items.count == 1)
        guard case .entry(let entry) = try #require(view.items.first) else {
            throw BackendError.redis(.unexpectedReply("damaged"))
        }
        #expect(entry.acceptedAt == reply.now)
        #expect(
            entry.coupons == [
                QueuedCoupon(
                    coupon: CouponID(7), firstSequence: 1,
                    requests: [
                        EntryRequest(user: UserID(bigUser), requestID: id("a")),
                        EntryRequest(user: UserID(bigUser - 1), requestID: id("bb")),
                    ])
            ])
    }

    @Test func `a call that accepts for several coupons makes one queue entry`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open()
        for id in [7, 8, 9] as [Int64] { _ = try fixture.load(coupon(id, total: 1)) }
        let answer = try fixture.answer(
            (7, [request(1), request(2)]), (6, [request(1)]), (8, []), (9, [request(1)]))
        guard case .reply(let reply) = answer else {
            throw BackendError.redis(.unexpectedReply("\(answer)"))
        }
        #expect(
            reply.judgements.map(\.verdicts) == [
                [.accepted(sequence: 1, position: at(1)), .soldOut], [],
                [.accepted(sequence: 1, position: at(1))],
            ])
        #expect(reply.judgements.map(\.door) == [.closed(.full), .open, .closed(.full)])
        guard case .notLoaded = reply.results[1] else {
            throw BackendError.redis(.unexpectedReply("\(reply)"))
        }
        let view = try fixture.view()
        #expect(view.tail == 1 && view.items.map(\.position) == [at(1)])
        #expect(view.items.flatMap(\.coupons) == [CouponID(7), CouponID(9)])
        for id in [7, 9] as [Int64] {
            #expect(try fixture.inspect(1, coupon: id).record?.queued == 1)
            #expect(try fixture.inspect(1, coupon: id).holder?.position == at(1))
        }
    }

    @Test func `a damaged holder of one coupon keeps a call from writing anything`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open()
        for id in [7, 8] as [Int64] { _ = try fixture.load(coupon(id)) }
        _ = try fixture.ask(request(1), coupon: 8)
        try fixture.damageHolder(1, of: 8)
        #expect(try fixture.answer((7, [request(1)]), (8, [request(1)])) == .rolledBack)
        let inspection = try fixture.inspect(1, coupon: 7)
        #expect(inspection.holder == nil && inspection.record?.used == 0)
        #expect(inspection.status == .fenced && inspection.tail == 1)
        #expect(try fixture.view().items.count == 1)
    }

    @Test func `the backlog of a partition counts what the same call has accepted`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open()
        for id in [7, 8] as [Int64] { _ = try fixture.load(coupon(id)) }
        let narrow = fixture.another { $0.backlogPerPartition = 2 }
        let answer = try fixture.answer(
            (7, [request(1), request(2)]), (8, [request(1)]), by: narrow)
        guard case .reply(let reply) = answer else {
            throw BackendError.redis(.unexpectedReply("\(answer)"))
        }
        #expect(reply.verdicts.count == 2 && reply.results[1] == .exhausted)
    }

    @Test func `known users get the outcome that counts`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon())
        // The second and third of one call see the first.
        let first = try fixture.ask(request(1), request(1), request(1, "b"))
        #expect(
            first.verdicts == [
                .accepted(sequence: 1, position: at(1)), .replayed(sequence: 1, position: at(1)),
                .duplicate(sequence: 1, state: .queued, position: at(1)),
            ])
        #expect(try fixture.settle(from: .zero, to: at(1), [settled(coupon(issued: 1), 1)]))
        #expect(
            try fixture.ask(request(1), request(1, "b")).verdicts == [
                .replayed(sequence: 1, position: at(1)),
                .duplicate(sequence: 1, state: .issued, position: at(1)),
            ])
        #expect(try fixture.inspect().record?.used == 1)
    }

    @Test func `holders are known in any state, and expired comes first`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon())
        let accepted = try fixture.ask(request(1))
        #expect(
            try fixture.control.set(
                coupon(state: .paused, version: 2), partition: partition, epoch: 1)
                == .current)
        let late = accepted.now.microseconds - 1
        #expect(
            try fixture.ask(request(1), request(2), request(1, notAfter: late)).verdicts == [
                .replayed(sequence: 1, position: at(1)), .paused, .expired,
            ])
        _ = try fixture.control.set(
            coupon(state: .closed, version: 3), partition: partition, epoch: 1)
        #expect(try fixture.ask(request(2)).verdicts == [.closed])
    }

    @Test func `the window is half-open, by the gate's clock`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open()
        let now = try fixture.inspect().now.microseconds
        _ = try fixture.load(coupon(7, opens: now + hour, closes: now + 2 * hour))
        _ = try fixture.load(coupon(8, opens: now - 2 * hour, closes: now))
        _ = try fixture.load(coupon(9, opens: now, closes: now + hour))
        let early = try fixture.ask(request(1), coupon: 7)
        #expect(early.verdicts == [.notOpen])
        #expect(early.door == .closed(.notOpen(opens: Timestamp(microseconds: now + hour))))
        #expect(try fixture.ask(request(1), coupon: 8).verdicts == [.ended])
        #expect(
            try fixture.ask(request(1), coupon: 9).verdicts == [
                .accepted(sequence: 1, position: at(1))
            ])
    }

    @Test func `exactly the total is accepted`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon(total: 1_000))
        var accepted: Set<Int64> = []
        for round in 0..<40 {
            let requests = (0..<30).map { request(Int64(round * 30 + $0) + 1) }
            guard case .reply(let reply) = try fixture.answer(requests) else { continue }
            for case .accepted(let sequence, _) in reply.verdicts { accepted.insert(sequence) }
            let isFull = reply.judgements.map(\.door) == [.closed(.full)]
            #expect(isFull == (accepted.count == 1_000))
        }
        #expect(accepted == Set(1...1_000))
        #expect(try fixture.ask(request(5_000)).verdicts == [.soldOut])
        #expect(try fixture.inspect().record?.used == 1_000)
        #expect(try fixture.view().items.map(\.requestCount).reduce(0, +) == 1_000)
    }

    @Test func `the largest call is accepted at once`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon(total: nil))
        let users = (1...Int64(Limits.requestsPerGateCall)).map { request(bigUser + $0) }
        guard case .reply(let reply) = try fixture.answer(users) else {
            throw BackendError.redis(.unexpectedReply("refused"))
        }
        #expect(
            reply.verdicts
                == users.indices.map { .accepted(sequence: Int64($0) + 1, position: at(1)) })
        #expect(try fixture.view().items.map(\.requestCount) == [Limits.requestsPerGateCall])
    }

    @Test func `an unlimited coupon is never full`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon(total: nil))
        let reply = try fixture.ask(request(1))
        #expect(reply.door == .open)
        #expect(reply.verdicts == [.accepted(sequence: 1, position: at(1))])
    }

    @Test func `a gate of another epoch or status judges nothing`() async throws {
        let fixture = try await RedisFixture()
        #expect(try fixture.answer([request(1)]) == .stale(.missing, epoch: 0))
        try fixture.open(epoch: 4)
        #expect(try fixture.answer([request(1)]) == .stale(.open, epoch: 4))
        #expect(try fixture.answer([request(1)], epoch: 4).isNotLoaded)
        _ = try fixture.fence(epoch: 5)
        #expect(try fixture.answer([request(1)], epoch: 5) == .stale(.fenced, epoch: 5))
    }

    @Test func `a tail below the floor fences the gate`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon())
        _ = try fixture.ask(request(1))
        #expect(try fixture.answer([request(2)], floor: 2) == .rolledBack)
        #expect(try fixture.view().status == .fenced)
        #expect(try fixture.answer([request(2)], floor: 1) == .stale(.fenced, epoch: 1))
    }

    @Test func `a Redis that was a replica in between fences the gate`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon())
        let before = try fixture.control.identity()
        #expect(try fixture.ask(request(1)).verdicts == [.accepted(sequence: 1, position: at(1))])
        try await fixture.server.cli("REPLICAOF", "127.0.0.1", "1")
        try await fixture.server.cli("REPLICAOF", "NO", "ONE")
        #expect(try fixture.answer([request(2)], identity: before) == .rolledBack)
        #expect(try fixture.answer([request(1)]) == .stale(.fenced, epoch: 1))
        #expect(try fixture.inspect(2).holder == nil)
    }

    @Test func `a queue ahead of the gate fences it, and nothing is accepted`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon())
        try await fixture.server.cli("XADD", Keys.queue(partition), "1-9", "e", "x")
        #expect(try fixture.answer([request(2)]) == .rolledBack)
        #expect(try fixture.inspect(2).holder == nil)
        #expect(try fixture.inspect().record?.used == 0)
    }

    @Test func `the backlog is bounded`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon())
        let narrow = fixture.another { $0.backlogPerCoupon = 2 }
        _ = try fixture.ask(request(1), request(2))
        #expect(try fixture.answer([request(3)], by: narrow).isExhausted)
        guard case .reply = try fixture.answer([], by: narrow) else {
            throw BackendError.redis(
                .unexpectedReply("a question without requests is always answered"))
        }
        let narrowPartition = fixture.another { $0.backlogPerPartition = 2 }
        #expect(try fixture.answer([request(3)], by: narrowPartition).isExhausted)
        #expect(try fixture.settle(from: .zero, to: at(1), [settled(coupon(issued: 2), 2)]))
        guard case .reply = try fixture.answer([request(3)], by: narrow) else {
            throw BackendError.redis(.unexpectedReply("settled requests are not backlog"))
        }
    }

    @Test func `a full Redis accepts nothing, but settles`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon())
        _ = try fixture.ask(request(1))
        try await fixture.server.cli("CONFIG", "SET", "maxmemory", "1")
        let error = #expect(throws: BackendError.self) { try fixture.answer([request(2)]) }
        guard case .redis(.refused(let text)) = error else {
            throw BackendError.redis(.unexpectedReply("\(String(describing: error))"))
        }
        #expect(text.contains("maxmemory"))
        #expect(try fixture.settle(from: .zero, to: at(1), [settled(coupon(issued: 1), 1)]))
        #expect(try fixture.control.heartbeatViews([partitionRow(epoch: 1)]) != [nil])
        #expect(try fixture.view().items.isEmpty)
        #expect(try fixture.fence(epoch: 2, cursor: at(1)))
        #expect(try fixture.finish(epoch: 2, cursor: at(1), counted: at(1)))
    }
}
