/// move.lua: a queue that has an entry whose id cannot come from a gate is copied in slices, and replaced at
/// the end (rule 45).
internal import CouponCore
internal import TestSupport
internal import Testing

@testable internal import CouponRedis

@Suite struct RedisMoveTests {
    private static let largest = "18446744073709551615-18446744073709551615"

    /// A gate fenced with epoch 2, and a queue of epoch 1 with one more entry, whose id cannot come from a
    /// gate.
    private func fenced(
        _ entries: Int, foreign: String? = Self.largest, cursor: Position = .zero, bytes: Int = 1
    ) async throws -> RedisFixture {
        let fixture = try await RedisFixture()
        try fixture.open()
        try fixture.fill(entries, bytes: bytes)
        if let foreign { try fixture.add(foreign) }
        #expect(try fixture.fence(epoch: 2, cursor: cursor))
        return fixture
    }

    private func ids(_ numbers: ClosedRange<Int>) -> [String] { numbers.map { "1-\($0)" } }

    @Test func `a queue moves in slices, and is whole until the last`() async throws {
        let fixture = try await fenced(1_300)
        let whole = ids(1...1_300) + [Self.largest]
        var move = QueueMove(from: .zero)
        for slice in 1...2 {
            #expect(try fixture.move(&move))
            #expect(!move.isOver && move.copied == "1-\(500 * slice)")
            #expect(try fixture.ids() == whole)
        }
        #expect(try fixture.move(&move))
        #expect(move.isOver)
        #expect(try fixture.ids() == ids(1...1_300))
        #expect(try fixture.ids(Keys.copy(partition)).isEmpty)
        #expect(try fixture.view().queueEnd == at(1_300))
    }

    @Test func `a slice that is sent twice copies nothing twice`() async throws {
        let fixture = try await fenced(1_300)
        let first = QueueMove(from: .zero)
        var (move, repeated) = (first, first)
        #expect(try fixture.move(&move))
        #expect(try fixture.move(&repeated))
        #expect(repeated == QueueMove(after: "1-500", copied: "1-500"))
        #expect(try fixture.ids(Keys.copy(partition)) == ids(1...500))
        try fixture.moveToTheEnd(&repeated)
        #expect(try fixture.ids() == ids(1...1_300))
        // A call that is late finds the queue replaced.
        #expect(try fixture.move(&move))
        #expect(move.isOver)
        #expect(try fixture.ids() == ids(1...1_300))
    }

    @Test func `a move whose place was lost goes on after what was copied`() async throws {
        let fixture = try await fenced(1_300)
        var move = QueueMove(from: .zero)
        #expect(try fixture.move(&move))
        #expect(try fixture.move(&move))
        var other = QueueMove(from: .zero)
        #expect(try fixture.move(&other))
        #expect(other.copied == "1-1000" && !other.isOver)
        try fixture.moveToTheEnd(&other)
        #expect(try fixture.ids() == ids(1...1_300))
    }

    @Test func `an attempt that was overtaken moves nothing`() async throws {
        let fixture = try await fenced(700)
        var move = QueueMove(from: .zero)
        #expect(try fixture.move(&move))
        #expect(try fixture.fence(epoch: 3))
        let before = move
        #expect(try !fixture.move(&move))
        #expect(move == before)
        #expect(try fixture.ids(Keys.copy(partition)).isEmpty)
        #expect(try fixture.ids() == ids(1...700) + [Self.largest])
    }

    @Test func `a fence removes what an earlier attempt had copied`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open()
        try fixture.fill(3)
        try fixture.add(Self.largest)
        try fixture.call(Command("XADD", Keys.copy(partition), "1-1", "e", "rubbish"))
        #expect(try fixture.fence(epoch: 2))
        var move = QueueMove(from: .zero)
        try fixture.moveToTheEnd(&move)
        #expect(try fixture.ids() == ids(1...3))
        let items = try fixture.call(Command("XRANGE", Keys.queue(partition), "-", "+"))
        #expect(!"\(items)".contains("rubbish"))
    }

    @Test func `a copy of another type or with an id that cannot come from a gate is made again`()
        async throws
    {
        for other in [["SET", "x"], ["XADD", Self.largest, "e", "x"]] {
            let fixture = try await fenced(3)
            let copy = Keys.copy(partition)
            try await fixture.server.cli([other[0], copy] + other.dropFirst())
            var move = QueueMove(from: .zero)
            try fixture.moveToTheEnd(&move)
            #expect(try fixture.ids() == ids(1...3))
        }
    }

    @Test func `thousands of foreign entries are passed in slices`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open()
        try fixture.fill(3)
        try fixture.fill(1_300, isForeign: true)
        try fixture.fill(3, epoch: 2)
        try fixture.add(Self.largest)
        #expect(try fixture.fence(epoch: 3))
        var move = QueueMove(from: .zero)
        let slices = try fixture.moveToTheEnd(&move)
        #expect((3...5).contains(slices))
        #expect(try fixture.ids() == ids(1...3) + ["2-1", "2-2", "2-3"])
    }

    @Test(arguments: [48, 49, 50, 499, 500])
    func `a queue that ends with the largest id of all moves`(entries: Int) async throws {
        let fixture = try await fenced(entries)
        var move = QueueMove(from: .zero)
        try fixture.moveToTheEnd(&move)
        #expect(try fixture.ids() == ids(1...entries))
    }

    @Test func `a queue of foreign entries alone is removed`() async throws {
        let fixture = try await fenced(0)
        var move = QueueMove(from: .zero)
        try fixture.moveToTheEnd(&move)
        #expect(try fixture.call(Command("EXISTS", Keys.queue(partition))) == .integer(0))
    }

    @Test func `only entries after the cursor are copied`() async throws {
        let fixture = try await fenced(700, cursor: at(40))
        var move = QueueMove(from: at(40))
        try fixture.moveToTheEnd(&move, cursor: at(40))
        #expect(try fixture.ids() == ids(41...700))
    }

    /// Counting has begun: what the gate calls settled is counted by then, and not yet issued.
    @Test func `counted entries are copied too`() async throws {
        let fixture = try await fenced(4, foreign: nil)
        #expect(try fixture.name(coupon(), epoch: 2, load: nil) == .loaded)
        #expect(
            try fixture.control.count(
                [], from: .zero, to: at(2), partition: partition, epoch: 2))
        try fixture.add(Self.largest)
        var move = QueueMove(from: .zero)
        try fixture.moveToTheEnd(&move)
        #expect(try fixture.ids() == ids(1...4))
    }

    @Test func `a queue that can be read stays as it is`() async throws {
        let fixture = try await fenced(3, foreign: nil)
        var move = QueueMove(from: at(2))
        #expect(try fixture.move(&move, cursor: at(2)))
        #expect(move.isOver)
        #expect(try fixture.ids() == ids(1...3))
    }

    @Test func `nothing is accepted while a queue moves`() async throws {
        let fixture = try await fenced(700)
        var move = QueueMove(from: .zero)
        #expect(try fixture.move(&move))
        #expect(try fixture.answer([request(1)]) == .stale(.fenced, epoch: 2))
        #expect(try fixture.answer([request(1)], epoch: 2) == .stale(.fenced, epoch: 2))
        #expect(try fixture.ids().count == 701)
    }

    @Test func `full entries move a megabyte at a time`() async throws {
        let fixture = try await fenced(100, bytes: 25_000)
        var move = QueueMove(from: .zero)
        #expect(try fixture.moveToTheEnd(&move) >= 2)
        #expect(try fixture.ids() == ids(1...100))
    }
}

extension QueueMove {
    fileprivate init(after: String, copied: String) {
        self.init(from: .zero)
        (self.after, self.copied) = (after, copied)
    }
}

extension RedisFixture {
    /// Adds entries `epoch-1`, `epoch-2`… or with numbers that cannot come from a gate.
    fileprivate func fill(
        _ count: Int, epoch: Epoch = 1, isForeign: Bool = false, bytes: Int = 1
    ) throws {
        let prefix = isForeign ? "\(epoch)-900719925475" : "\(epoch)-"
        let script = """
            for i = 1, \(count) do
              local n = string.format('\(isForeign ? "%04d" : "%d")', i)
              redis.call('XADD', KEYS[1], '\(prefix)' .. n, 'e', string.rep('x', \(bytes)))
            end
            """
        try call(Command("EVAL", script, "1", Keys.queue(partition)))
    }

    /// Another program adds an entry.
    fileprivate func add(_ id: String) throws {
        try call(Command("XADD", Keys.queue(partition), id, "e", "x"))
    }

    fileprivate func move(_ move: inout QueueMove, cursor: Position = .zero) throws -> Bool {
        try control.move(
            &move, of: try row(epoch: 2, cursor: cursor), limit: Limits.entriesPerMove)
    }

    /// Runs a move to its end with the gate's epoch, and counts its slices.
    @discardableResult
    fileprivate func moveToTheEnd(
        _ move: inout QueueMove, cursor: Position = .zero
    ) throws -> Int {
        let row = try row(epoch: try view().epoch, cursor: cursor)
        for slice in 1...20 {
            #expect(try control.move(&move, of: row, limit: Limits.entriesPerMove))
            if move.isOver { return slice }
        }
        Testing.Issue.record("the move does not end")
        return 0
    }

    /// The ids in a stream.
    fileprivate func ids(_ key: String = Keys.queue(partition)) throws -> [String] {
        let reply = try call(Command("XRANGE", key, "-", "+"))
        return (reply.elements ?? []).compactMap { $0.elements?.first?.text }
    }
}
