/// Events from the script that publishes them to the daemon that receives them.
internal import CouponCore
internal import Logging
internal import TestSupport
internal import Testing

@testable internal import CouponRedis

@Suite struct EventTests {
    private func source(_ fixture: RedisFixture) -> RedisEventSource {
        RedisEventSource(options: fixture.control.options, logger: Logger(label: "test"))
    }

    /// The next signal, without its time.
    private func signal(_ source: RedisEventSource) throws -> EventSignal {
        for _ in 0..<40 {
            if let signal = source.next() { return signal.published(at: .zero) }
        }
        throw BackendError.redis(.unavailable("no event arrived"))
    }

    /// An event of the suite's partition.
    private func event(
        _ from: Position, _ to: Position, issuedAt: Int64 = 0, resolve: Bool = false,
        _ coupons: [CompletionEvent.CouponStanding] = [],
        _ rejections: [CompletionEvent.RejectedRequest] = []
    ) -> EventSignal {
        .event(
            CompletionEvent(
                partition: partition, epoch: 1, from: from, to: to,
                publishedAt: .zero, issuedAt: Timestamp(microseconds: issuedAt),
                resolve: resolve,
                coupons: coupons, rejections: rejections))
    }

    @Test func `every script that changes something publishes it`() async throws {
        let fixture = try await RedisFixture()
        let source = source(fixture)
        #expect(try signal(source) == .up)
        try fixture.open(coupon(total: 2))
        func standing(rev: Int64, version: Int64, _ door: Door) -> CompletionEvent.CouponStanding {
            .init(coupon: CouponID(7), rev: rev, version: version, door: door)
        }
        #expect(try signal(source) == event(.zero, .zero, resolve: true))
        #expect(
            try signal(source) == event(.zero, .zero, [standing(rev: 1, version: 1, .open)]))

        _ = try fixture.ask(request(1), request(bigUser))
        _ = try fixture.settle(
            from: .zero, to: at(1), [settled(coupon(total: 2, issued: 1), 2)],
            rejections: [rejection(bigUser, sequence: 2, at: at(1), .notFound)])
        #expect(
            try signal(source)
                == event(
                    .zero, at(1), issuedAt: 5, [standing(rev: 2, version: 1, .open)],
                    [.init(coupon: CouponID(7), sequence: 2, reason: .notFound)]))

        _ = try fixture.control.heartbeatViews([partitionRow(epoch: 1, cursor: at(1))])
        #expect(try signal(source) == event(at(1), at(1)))

        _ = try fixture.control.set(
            coupon(total: 2, state: .paused, version: 2), partition: partition, epoch: 1)
        #expect(
            try signal(source)
                == event(at(1), at(1), [standing(rev: 3, version: 2, .closed(.paused))]))
        _ = try fixture.control.set(
            coupon(total: 2, version: 3), partition: partition, epoch: 1)
        #expect(
            try signal(source) == event(at(1), at(1), [standing(rev: 4, version: 3, .open)]))
        _ = try fixture.control.cap(
            CouponID(7), version: 3, partition: partition, epoch: 1, total: 1)
        #expect(
            try signal(source)
                == event(at(1), at(1), [standing(rev: 5, version: 3, .closed(.full))]))

        _ = try fixture.settle(
            from: at(1), to: at(1), [settled(coupon(total: 1, version: 4, issued: 1), 0)],
            recovery: true)
        #expect(
            try signal(source)
                == event(
                    at(1), at(1), issuedAt: 5, resolve: true,
                    [standing(rev: 6, version: 4, .closed(.soldOut))]))
    }

    @Test func `a set or a load of an unloaded coupon publishes it as open`() async throws {
        let fixture = try await RedisFixture()
        let source = source(fixture)
        #expect(try signal(source) == .up)
        try fixture.open()
        #expect(try signal(source) == event(.zero, .zero, resolve: true))
        _ = try fixture.control.set(coupon(8, version: 2), partition: partition, epoch: 1)
        #expect(
            try signal(source)
                == event(
                    .zero, .zero, [.init(coupon: CouponID(8), rev: 1, version: 2, door: .open)]))
        // The next load publishes the changes that came before it.
        #expect(try fixture.load(coupon(8, version: 3)) == .loaded)
        #expect(
            try signal(source)
                == event(
                    .zero, .zero, [.init(coupon: CouponID(8), rev: 2, version: 3, door: .open)]))
    }

    @Test func `a removed coupon is published as open, so that front doors ask`() async throws {
        let fixture = try await RedisFixture()
        let source = source(fixture)
        #expect(try signal(source) == .up)
        try fixture.open(coupon(state: .closed))
        for _ in 1...2 { _ = try signal(source) }
        let result = try fixture.control.remove(
            CouponID(7), version: 5, partition: partition, epoch: 1)
        #expect(result == .removed)
        #expect(
            try signal(source)
                == event(
                    .zero, .zero, [.init(coupon: CouponID(7), rev: 2, version: 5, door: .open)]))
    }

    @Test func `a malformed event is skipped`() async throws {
        let fixture = try await RedisFixture()
        let source = source(fixture)
        #expect(try signal(source) == .up)
        try await fixture.server.cli("PUBLISH", "coupond:{3}:events", "nonsense")
        try fixture.open()
        guard case .event = try signal(source) else {
            throw BackendError.redis(.unexpectedReply("the next event did not arrive"))
        }
    }

    @Test func `a break is reported once, and the subscription comes back`() async throws {
        let fixture = try await RedisFixture()
        let source = source(fixture)
        #expect(try signal(source) == .up)
        try await fixture.server.kill()
        guard case .down = try signal(source) else {
            throw BackendError.redis(.unexpectedReply("the break was not reported"))
        }
        #expect(source.next() == nil)
        try await fixture.server.restart()
        #expect(try signal(source) == .up)
    }

    @Test func `failed attempts to subscribe become less frequent`()
        async throws
    {
        let fixture = try await RedisFixture()
        try await fixture.server.cli("ACL", "SETUSER", LeastRights.redisUser, "resetchannels")
        let source = source(fixture)
        guard case .down(let reason) = try signal(source) else {
            throw BackendError.redis(.unexpectedReply("it was not reported"))
        }
        #expect(reason.contains("NOPERM"))
        let before = try await fixture.connections()
        for _ in 1...14 { #expect(source.next() == nil) }
        // One more connection counts them.
        #expect(try await fixture.connections() - before - 1 < 12)
        try await fixture.server.cli("ACL", "SETUSER", LeastRights.redisUser, "allchannels")
        #expect(try signal(source) == .up)
    }

    @Test func `a Redis that does not answer a ping is reported as down`() async throws {
        let fixture = try await RedisFixture()
        let source = source(fixture)
        #expect(try signal(source) == .up)
        for _ in 0..<5 { #expect(source.next() == nil) }
        fixture.server.freeze()
        guard case .down(let text) = try signal(source) else {
            throw BackendError.redis(.unexpectedReply("the silence was not noticed"))
        }
        #expect(text.contains("ping"))
        fixture.server.thaw()
        #expect(try signal(source) == .up)
    }

    @Test func `damaged bytes do not crash the reader`() {
        var writer = ByteWriter()
        writer.append(1 as UInt8)
        writer.append(3 as UInt32)
        for number in 1...7 { writer.append(Int64(number)) }
        writer.append(0 as UInt8)
        writer.append(1 as UInt32)
        for number in 1...3 { writer.append(Int64(number)) }
        for byte in [1, 0] as [UInt8] { writer.append(byte) }
        for number in 1...2 { writer.append(Int64(number)) }
        writer.append(0 as UInt32)
        let good = writer.bytes
        #expect(CompletionEvent(good)?.coupons.count == 1)
        for length in 0..<good.count { #expect(CompletionEvent(Array(good.prefix(length))) == nil) }
        for index in good.indices {
            for value in [0, 1, 0x7F, 0x80, 0xFF] as [UInt8] {
                var bad = good
                bad[index] = value
                _ = CompletionEvent(bad)
            }
        }
    }
}
