/// Long queues and many holders: what comes in one read, and how a search goes on.
internal import CouponCore
internal import TestSupport
internal import Testing

@testable internal import CouponRedis

@Suite struct LongQueueTests {
    /// Entries of as many requests each, past the gate.
    private func fill(_ fixture: RedisFixture, entries: Int, requests: Int, from first: Int = 1)
        throws
    {
        let script = """
            for n = ARGV[3], ARGV[3] + ARGV[1] - 1 do
              local all = {}
              for i = 1, ARGV[2] do all[i] = struct.pack('>I8Bc16', i, 1, string.rep('a', 16)) end
              redis.call('XADD', KEYS[1], '1-' .. n, 'e',
                struct.pack('>BI8I8I8', 1, 7, 1, 1) .. table.concat(all))
            end
            """
        try fixture.call(
            Command(
                "EVAL", script, "1", Keys.queue(partition), String(entries), String(requests),
                String(first)))
    }

    @Test func `thousands of single requests come in one read, up to the limit`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open()
        try fill(fixture, entries: 6_000, requests: 1)
        #expect(try fixture.view().items.map(\.position) == (1...5_000).map { at($0) })
        #expect(try fixture.view(maximum: 4_321).items.count == 4_321)
        #expect(
            try fixture.view(after: at(5_990)).items.map(\.position)
                == (5_991...6_000).map { at($0) }
        )
        let all = try fixture.control.entries(partition, after: at(10), limit: 1_000)
        #expect(all.map(\.position) == (11...1_010).map { at($0) })
    }

    @Test func `one read brings as many full entries as fit the limit whole`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open()
        try fill(fixture, entries: 20, requests: Limits.requestsPerGateCall)
        #expect(try fixture.view().items.map(\.requestCount) == Array(repeating: 1_024, count: 4))
        #expect(try fixture.view(maximum: 10_240).items.count == 10)
        #expect(try fixture.view(maximum: 1).items.count == 1, "the first always comes")
        try fill(fixture, entries: 3_000, requests: 1, from: 21)
        #expect(try fixture.view(after: at(18)).items.count == 2 + 2_952)
    }

    @Test func `one read brings at most the bytes that a daemon holds for a batch`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open()
        for n in 1...12 {
            var command = Command(argumentCount: 5)
            for word in ["XADD", Keys.queue(partition), "1-\(n)", "e"] { command.append(word) }
            command.append([UInt8](repeating: 0xFF, count: (1 << 20) - 1))
            try fixture.call(command)
        }
        #expect(try fixture.view(maximum: 1_000_000).items.count == 8)
        #expect(try fixture.view(after: at(8), maximum: 1_000_000).items.count == 4)
    }

    @Test func `one read brings a bounded number of coupons and entries`()
        async throws
    {
        let fixture = try await RedisFixture()
        try fixture.open()
        try fill(fixture, entries: 3_000, requests: 1)
        try fixture.call(
            Command(
                "EVAL",
                """
                for n = 1, 1500 do
                  redis.call('XADD', KEYS[1], '1-' .. 3000 + n, 'e',
                    struct.pack('>BI8I8I8I8Bc16', 1, 100 + n, 1, 1, 1, 1, string.rep('a', 16)))
                end
                """, "1", Keys.queue(partition)))
        try fill(fixture, entries: 3_000, requests: 1, from: 4_501)
        let most = 1_000_000
        #expect(try fixture.view(maximum: most).items.count == 3_999, "of a thousand coupons")
        #expect(try fixture.view(after: at(4_000), maximum: most).items.count == 500 + 3_000)
        try fill(fixture, entries: 3_000, requests: 1, from: 7_501)
        #expect(try fixture.view(after: at(4_500), maximum: most).items.count == 5_000)
    }

    @Test func `the users of damaged entries are found among 20,000 holders, slice by slice`()
        async throws
    {
        let fixture = try await RedisFixture()
        try fixture.open()
        func many(_ users: ClosedRange<Int64>, _ queued: [Int64: Int64]) -> [LoadedHolder] {
            users.map { user in
                let position = queued[user].map { at($0) } ?? .zero
                return LoadedHolder(
                    user: UserID(user),
                    holder: GateHolder(
                        sequence: user, position: position, requestID: id("r\(user)"),
                        rejection: nil))
            }
        }
        let first = many(1...20_000, [77: 5, 19_000: 6, 3: 8])
        #expect(
            try fixture.load(coupon(7, total: nil, issued: 20_000, last: 20_000), holders: first)
                == .loaded)
        let other = many(1...3, [2: 5])
        #expect(try fixture.load(coupon(10, issued: 3, last: 3), holders: other) == .loaded)
        // A rebuild has written some of the holders again, and was interrupted.
        _ = try fixture.fence(epoch: 2)
        _ = try fixture.name(coupon(10, issued: 3, last: 3), holders: other, epoch: 2, load: nil)
        let (search, slices) = try fixture.search([at(5), at(6), at(7)])
        #expect(slices >= 12)
        #expect(
            search.holders(at: at(5)).map { [$0.coupon.rawValue, $0.user.rawValue] }
                == [[7, 77], [10, 2]], "each once")
        #expect(
            search.holders(at: at(6)) == [
                AcceptedRequest(
                    coupon: CouponID(7), user: UserID(19_000), sequence: 19_000,
                    requestID: id("r19000"))
            ])
        #expect(search.holders(at: at(7)).isEmpty && search.holders(at: at(8)).isEmpty)
    }
}
