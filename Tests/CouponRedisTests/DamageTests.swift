/// Keys with damaged bytes or of another type: the gate is rebuilt, and no wrong answer is given.
internal import CouponCore
internal import TestSupport
internal import Testing

@testable internal import CouponRedis

/// How a key may be damaged.
private enum Damage: CaseIterable, CustomTestStringConvertible {
    case otherType, tooShort, tooLong, earlierLayout, garbage, garbageOfThisLayout

    var testDescription: String { "\(self)" }

    func damage(_ key: String, _ fixture: RedisFixture) async throws {
        let bytes = try fixture.call(Command("GET", key)).bytesValue ?? []
        switch self {
        case .otherType:
            try fixture.call(Command("DEL", key))
            try fixture.call(Command("RPUSH", key, "x"))
        case .tooShort: try fixture.put(key, Array(bytes.prefix(20)))
        case .tooLong: try fixture.put(key, bytes + [0])
        case .earlierLayout: try fixture.put(key, Array(bytes.dropFirst()))
        case .garbage: try fixture.put(key, [UInt8](repeating: 0xFF, count: bytes.count))
        case .garbageOfThisLayout:
            try fixture.put(key, [3] + [UInt8](repeating: 0xFF, count: bytes.count - 1))
        }
    }
}

@Suite struct DamageTests {
    private func opened() async throws -> RedisFixture {
        let fixture = try await RedisFixture()
        try fixture.open(coupon())
        _ = try fixture.ask(request(1), request(2))
        return fixture
    }

    /// The gate is fenced and no rebuild is in progress: its owner rebuilds it at once.
    private func expectFenced(
        _ fixture: RedisFixture, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let view = try fixture.view()
        #expect(view.status == .fenced && view.beat == 0, sourceLocation: sourceLocation)
    }

    // A gate's last field is a text of any length.
    @Test(arguments: Damage.allCases.filter { $0 != .tooLong })
    fileprivate func `a damaged gate counts as missing, and is fenced and rebuilt`(
        _ damage: Damage
    ) async throws {
        let fixture = try await opened()
        try await damage.damage(Keys.gate(partition), fixture)
        #expect(try fixture.answer([request(3)]) == .stale(.missing, epoch: 0))
        let view = try fixture.view()
        #expect(view.status == .missing && view.epoch == 0 && view.installID == nil)
        #expect(view.items.count == 1, "its queue is whole")
        #expect(try !fixture.settle(from: .zero, to: at(1), [settled(coupon(issued: 2), 2)]))
        #expect(try fixture.control.heartbeatViews([partitionRow(epoch: 1)]) == [nil])
        #expect(try fixture.fence(epoch: 2))
        #expect(try fixture.name(coupon(), epoch: 2, load: nil) == .loaded)
        #expect(try fixture.count(epoch: 2, from: .zero) == at(1))
        #expect(try fixture.finish(epoch: 2, counted: at(1)))
        #expect(
            try fixture.ask(request(1), request(3), epoch: 2).verdicts == [
                .replayed(sequence: 1, position: at(1)),
                .accepted(sequence: 3, position: at(1, epoch: 2)),
            ])
    }

    @Test(arguments: Damage.allCases)
    fileprivate func `a damaged record fences the gate, whichever script finds it`(
        _ damage: Damage
    ) async throws {
        let control = { (fixture: RedisFixture) in fixture.control }
        let letter = DeadLetter(
            id: 1,
            accepted: AcceptedRequest(
                coupon: CouponID(7), user: UserID(1), sequence: 1, requestID: id("a")),
            position: at(1), error: "", state: .discarded, createdAt: .zero)
        let finders: [(String, (RedisFixture) throws -> Bool)] = [
            ("gate", { try $0.answer([request(3)]) == .rolledBack }),
            ("settle", { try !$0.settle(from: .zero, to: at(1), [settled(coupon(), 2)]) }),
            (
                "set",
                {
                    try control($0).set(coupon(version: 2), partition: partition, epoch: 1)
                        == .stale
                }
            ),
            (
                "cap",
                {
                    try control($0).cap(
                        CouponID(7), version: 1, partition: partition, epoch: 1, total: 5)
                        == .stale
                }
            ),
            (
                "letter",
                {
                    try control($0).apply(letter, of: coupon(), partition: partition, epoch: 1)
                        == .stale
                }
            ),
            (
                "unload",
                {
                    try $0.itIsTime()
                    return try !$0.unload()
                }
            ),
        ]
        let fixture = try await opened()
        let gate = try #require(try fixture.call(Command("GET", Keys.gate(partition))).bytesValue)
        try await damage.damage(Keys.record(CouponID(7), partition, 1), fixture)
        #expect(try fixture.inspect().status == .fenced && fixture.view().status == .open)
        for (name, isRefused) in finders {
            #expect(try isRefused(fixture), "\(name)")
            try expectFenced(fixture)
            try fixture.put(Keys.gate(partition), gate)
        }
        #expect(try fixture.view().items.count == 1 && fixture.view().settled == .zero)
    }

    /// Holders of another length, with an unknown kind, or with an unknown reason.
    @Test(
        arguments: [
            [1, 0, 7], [9, 0] + Array(repeating: 0, count: 41),
            [2, 99] + Array(repeating: 0, count: 41),
        ] as [[UInt8]])
    func `a damaged holder fences the gate when that user asks, and other users are unharmed`(
        _ bytes: [UInt8]
    ) async throws {
        let fixture = try await opened()
        try fixture.damageHolder(1, bytes)
        #expect(try fixture.ask(request(3)).verdicts == [.accepted(sequence: 3, position: at(2))])
        #expect(try fixture.inspect(1).status == .fenced && fixture.inspect(3).status == .open)
        // A settle skips this holder, because nobody knows what it was.
        #expect(
            try fixture.settle(
                from: .zero, to: at(1), [settled(coupon(issued: 1), 2)],
                rejections: [rejection(1, sequence: 1, at: at(1), .soldOut)]))
        #expect(try fixture.inspect().record?.used == 3)
        #expect(try fixture.answer([request(4), request(1)]) == .rolledBack)
        try expectFenced(fixture)
        #expect(
            try fixture.view(after: at(1)).items.count == 1, "nothing was accepted by that call")
    }

    @Test func `holders of another type fence the gate at the first request`() async throws {
        let fixture = try await opened()
        let holders = Keys.holders(CouponID(7), partition, 1)
        try fixture.call(Command("DEL", holders))
        try fixture.call(Command("SET", holders, "x"))
        #expect(
            try fixture.settle(
                from: .zero, to: at(1), [settled(coupon(issued: 1), 2)],
                rejections: [rejection(1, sequence: 1, at: at(1), .soldOut)]))
        let letter = DeadLetter(
            id: 1,
            accepted: AcceptedRequest(
                coupon: CouponID(7), user: UserID(1), sequence: 1, requestID: id("a")),
            position: at(1), error: "", state: .redriven, createdAt: .zero)
        #expect(
            try fixture.control.apply(letter, of: coupon(), partition: partition, epoch: 1)
                == .current)
        #expect(try fixture.answer([]).isReply)
        #expect(try fixture.answer([request(3)]) == .rolledBack)
        try expectFenced(fixture)
    }
}

extension GateAnswer {
    fileprivate var isReply: Bool {
        if case .reply = self { true } else { false }
    }
}
