/// What another program wrote into coupond's keys and channels: no partition stops, and nothing traps.
internal import CouponCore
internal import TestSupport
internal import Testing

@testable internal import CouponRedis

@Suite struct ForeignBytesTests {
    /// A gate with one queue entry of two requests.
    private func opened() async throws -> RedisFixture {
        let fixture = try await RedisFixture()
        try fixture.open(coupon())
        _ = try fixture.ask(request(1), request(2))
        return fixture
    }

    /// Rebuilds the gate in epoch 2, and accepts in it.
    private func rebuild(_ fixture: RedisFixture) throws {
        #expect(try fixture.fence(epoch: 2))
        var move = QueueMove(from: .zero)
        #expect(try fixture.control.move(&move, of: fixture.row(epoch: 2), limit: 500))
        #expect(move.isOver)
        #expect(try fixture.name(coupon(), epoch: 2, load: nil) == .loaded)
        let counted = try fixture.count(epoch: 2, from: .zero)
        #expect(try fixture.finish(epoch: 2, counted: counted))
        let verdicts = try fixture.ask(request(9), epoch: 2).verdicts
        guard case .accepted(_, let position)? = verdicts.first else {
            throw BackendError.redis(.unexpectedReply("\(verdicts)"))
        }
        #expect(position == at(1, epoch: 2))
    }

    @Test(arguments: [
        "9007199254740993-1", "9223372036854775808-1", "1-9007199254740993",
        "1-18446744073709551615", "9007199254740992-0", "1-9007199254740992",
        "18446744073709551615-18446744073709551615",
    ])
    func `an entry whose id cannot come from a gate is removed, and the others are kept`(
        id: String
    ) async throws {
        let fixture = try await opened()
        try await fixture.server.cli("XADD", Keys.queue(partition), id, "e", "x")
        let view = try fixture.view()
        #expect(view.status == .fenced && view.beat == 0, "its owner rebuilds it")
        #expect(view.queueEnd == at(1) && view.items.map(\.position) == [at(1)])
        #expect(throws: BackendError.self, "a rebuild does not read it") {
            try fixture.control.entries(partition, after: .zero, limit: 9)
        }
        try rebuild(fixture)
        #expect(
            try fixture.control.entries(partition, after: .zero, limit: 9).map(\.position)
                == [at(1), at(1, epoch: 2)])
        #expect(try fixture.view(after: at(1)).status == .open)
    }

    @Test func `a queue of another type is replaced before a request meets it`() async throws {
        let fixture = try await opened()
        try fixture.call(Command("DEL", Keys.queue(partition)))
        try fixture.call(Command("SET", Keys.queue(partition), "x"))
        #expect(try fixture.view().status == .fenced)
        #expect(
            try fixture.control.wait(for: [(partition, .zero)], milliseconds: 60_000) == [partition]
        )
        try rebuild(fixture)
    }

    @Test func `lists of another type do not stop a sweep`() async throws {
        let fixture = try await opened()
        #expect(try fixture.fence(epoch: 2))
        let index = Keys.coupons(partition, 1)
        try fixture.call(Command("DEL", index))
        try fixture.call(Command("SET", index, "x"))
        while try fixture.control.sweep(partition, before: 2, limit: 10) {}
        #expect(try fixture.call(Command("EXISTS", index)) == .integer(0))
        try fixture.call(Command("DEL", Keys.epochs(partition)))
        try fixture.call(Command("SET", Keys.epochs(partition), "x"))
        #expect(try !fixture.control.sweep(partition, before: 2, limit: 10))
    }

    @Test func `keys of another type do not stop a search`() async throws {
        let fixture = try await opened()
        #expect(try fixture.load(coupon(8)) == .loaded)
        try fixture.call(Command("SET", Keys.holders(CouponID(8), partition, 1), "x"))
        #expect(try fixture.search([at(1)]).found.holders(at: at(1)).count == 2)
        try fixture.call(Command("DEL", Keys.coupons(partition, 1)))
        try fixture.call(Command("SET", Keys.coupons(partition, 1), "x"))
        #expect(try fixture.search([at(1)]).found.holders(at: at(1)).isEmpty)
        try fixture.call(Command("DEL", Keys.epochs(partition)))
        try fixture.call(Command("SET", Keys.epochs(partition), "x"))
        #expect(try fixture.search([at(1)]).found.holders(at: at(1)).isEmpty)
    }

    @Test(arguments: [2, 10, 18, 26, 34, 42])
    func `a gate with an impossible number is treated as missing`(offset: Int) async throws {
        let fixture = try await opened()
        var bytes = try #require(try fixture.call(Command("GET", Keys.gate(partition))).bytesValue)
        bytes.replaceSubrange(offset..<offset + 8, with: [0x7F] + [UInt8](repeating: 0, count: 7))
        try fixture.put(Keys.gate(partition), bytes)
        #expect(try fixture.answer([request(3)]) == .stale(.missing, epoch: 0))
        #expect(try fixture.view().epoch == 0)
        try rebuild(fixture)
    }

    @Test func `an entry with more requests than a call has is damaged`() async throws {
        let fixture = try await opened()
        var payload = ByteWriter(capacity: 60_000)
        payload.append(Layout.oneCouponEntryVersion)
        payload.append(CouponID(7))
        payload.append(3 as Int64)
        payload.append(5 as Int64)
        for user in 1...(Limits.requestsPerGateCall + 1) {
            payload.append(UserID(Int64(user)))
            payload.append(id("a"))
        }
        var command = Command(argumentCount: 5)
        for word in ["XADD", Keys.queue(partition), "1-2", Layout.entryField] {
            command.append(word)
        }
        command.append(payload.bytes)
        try fixture.call(command)
        #expect(try fixture.view().items.map(\.isDamaged) == [false, true])
    }

    /// Writes past the gate. In the script `large` is longer than any reply that a daemon reads.
    private func write(_ fixture: RedisFixture, _ key: String, _ script: String) throws {
        let large = "local large = string.rep('x', 70 * 1048576)\n"
        try fixture.call(Command("EVAL", large + script, "1", key))
    }

    @Test(arguments: [
        "redis.call('XADD', KEYS[1], '1-2', 'e', large)",
        "redis.call('XADD', KEYS[1], '1-2', large, 'x')",
        """
        local words = { 'XADD', KEYS[1], '1-2' }
        for i = 1, 1002 do words[3 + i] = 'x' end
        redis.call(unpack(words))
        """,
    ])
    func `of an entry that is larger than any gate's only the beginning is read`(
        script: String
    ) async throws {
        let fixture = try await opened()
        try write(fixture, Keys.queue(partition), script)
        try await fixture.server.cli("XADD", Keys.queue(partition), "1-3", "e", "x")
        let items = try fixture.view().items
        #expect(items.map(\.position) == [at(1), at(2), at(3)])
        #expect(items.map(\.isDamaged) == [false, true, true])
        guard case .damaged(let damaged) = items[1] else { return }
        #expect(damaged.bytes.count <= 2_048 && damaged.bytes.contains(UInt8(ascii: "x")))
        #expect(damaged.reason.contains("larger"))
        #expect(try fixture.control.entries(partition, after: .zero, limit: 9) == items)
        #expect(try fixture.control.entries(partition, after: at(1), limit: 1) == [items[1]])
    }

    @Test func `a rebuild reads large entries in several steps`() async throws {
        let fixture = try await opened()
        try write(
            fixture, Keys.queue(partition),
            """
            for n = 2, 80 do
              redis.call('XADD', KEYS[1], '1-' .. n, 'e', string.sub(large, 1, 1000000))
            end
            """)
        var (after, reads, found) = (Position.zero, 0, [QueueItem]())
        while true {
            let items = try fixture.control.entries(partition, after: after, limit: 400)
            guard let last = items.last else { break }
            (after, reads) = (last.position, reads + 1)
            found += items
        }
        #expect(found.map(\.position) == (1...80).map { at($0) })
        #expect(reads > 2)
    }

    @Test func `large names of another program stop neither a search nor a sweep`() async throws {
        let fixture = try await opened()
        try write(
            fixture, Keys.holders(CouponID(7), partition, 1),
            "redis.call('HSET', KEYS[1], large, 'x', 'y', large)")
        try write(
            fixture, Keys.coupons(partition, 1), "redis.call('ZADD', KEYS[1], 0, large)")
        try write(fixture, Keys.epochs(partition), "redis.call('SADD', KEYS[1], large)")
        #expect(try fixture.search([at(1)]).found.holders(at: at(1)).count == 2)
        let holders = try fixture.control.holders(
            of: CouponID(7), partition: partition, epoch: 1, limit: 9)
        #expect(holders.count == 2)
        #expect(try fixture.fence(epoch: 2))
        while try fixture.control.sweep(partition, before: 2, limit: 10) {}
        #expect(try fixture.call(Command("EXISTS", Keys.coupons(partition, 1))) == .integer(0))
    }

    @Test func `a gate with a longer text than an install id counts as missing`() async throws {
        let fixture = try await opened()
        try write(
            fixture, Keys.gate(partition),
            "redis.call('SET', KEYS[1], redis.call('GET', KEYS[1]) .. large)")
        #expect(try fixture.answer([request(3)]) == .stale(.missing, epoch: 0))
        #expect(try fixture.view().epoch == 0)
        try rebuild(fixture)
    }

    @Test func `many requests of one coupon are counted in one step`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open()
        #expect(try fixture.fence(epoch: 2))
        #expect(try fixture.name(coupon(total: nil), epoch: 2, load: nil) == .loaded)
        let requests = (1...20_000 as ClosedRange<Int64>).map { number in
            PlacedRequest(
                accepted: AcceptedRequest(
                    coupon: CouponID(7), user: UserID(number), sequence: number,
                    requestID: id("a")), position: at(number))
        }
        #expect(
            try fixture.control.count(
                requests, from: .zero, to: at(20_000), partition: partition, epoch: 2))
        #expect(try fixture.inspect(20_000).record?.used == 20_000)
        #expect(try fixture.inspect(20_000).holder?.sequence == 20_000)
    }

    @Test(arguments: [Int64.min, -1, .max, 1 << 54])
    func `an event with a number that cannot come from a gate is not read`(number: Int64) {
        // From, to and the two moments begin at these bytes.
        for offset in [13, 21, 29, 37, 45, 53] {
            var writer = ByteWriter()
            writer.append(1 as UInt8)
            writer.append(3 as UInt32)
            for field in 1...7 { writer.append(Int64(field)) }
            writer.append(0 as UInt8)
            writer.append(0 as UInt32)
            writer.append(0 as UInt32)
            var bytes = writer.bytes
            #expect(CompletionEvent(bytes) != nil)
            var foreign = ByteWriter()
            foreign.append(number)
            bytes.replaceSubrange(offset..<offset + 8, with: foreign.bytes)
            #expect(CompletionEvent(bytes) == nil, "\(offset)")
        }
    }
}
