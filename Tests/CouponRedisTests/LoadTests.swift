/// Loads into an open gate against rule 32: one at a time, completely or not at all.
internal import CouponCore
internal import TestSupport
internal import Testing

@testable internal import CouponRedis

@Suite struct LoadTests {
    @Test func `many holders are loaded completely`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open()
        let holders = (0..<25_500).map { index in
            holder(
                bigUser + index, sequence: index + 1, name: "r\(index)",
                rejection: index % 100 == 0 ? .soldOut : nil)
        }
        let total = coupon(total: nil, issued: 25_245, last: 25_500)
        #expect(try fixture.load(total, holders: holders) == .loaded)
        #expect(try fixture.inspect(bigUser + 25_499).holder == holders[25_499].holder)
        #expect(try fixture.inspect(bigUser + 100).holder?.rejection == .soldOut)
        #expect(
            try Set(fixture.keys()) == [
                Keys.gate(partition), Keys.epochs(partition), Keys.coupons(partition, 1),
                Keys.record(CouponID(7), partition, 1), Keys.holders(CouponID(7), partition, 1),
            ])
        #expect(
            try fixture.ask(request(bigUser + 5, "r5"), request(1)).verdicts == [
                .replayed(sequence: 6, position: .zero),
                .accepted(sequence: 25_501, position: at(1)),
            ])
    }

    @Test func `a second load finds the coupon claimed, whatever it does`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open()
        let (first, load) = try fixture.claim()
        let (second, late) = try fixture.claim()
        #expect(first == .claimed && second == .elsewhere(isFilling: false))
        #expect(try fixture.stage([holder(1, sequence: 1)], load: load))
        #expect(try !fixture.stage([holder(2, sequence: 2)], load: late))
        #expect(try fixture.name(coupon(), load: late) == .superseded)
        #expect(try fixture.name(coupon(issued: 1, last: 1), staged: 1, load: load) == .loaded)
        #expect(try fixture.claim().0 == .alreadyLoaded)
        #expect(try fixture.inspect(2).holder == nil)
        #expect(try fixture.claim(8, epoch: 2).0 == .stale)
    }

    @Test func `a claim is renewed by its own load, and kept by what it stages`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open()
        let (_, load) = try fixture.claim()
        #expect(
            try fixture.control.claim(CouponID(7), partition: partition, epoch: 1, load: load)
                == .claimed, "it begins again")
        try fixture.age(fixture.claimKey(), load: load)
        #expect(try fixture.stage([holder(1, sequence: 1)], load: load))
        #expect(try fixture.claim().0 == .elsewhere(isFilling: false), "it has moved")
    }

    @Test func `a claim that has not moved in time is taken over, with nothing staged`()
        async throws
    {
        let fixture = try await RedisFixture()
        try fixture.open()
        let (_, slow) = try fixture.claim()
        #expect(try fixture.stage([holder(1, sequence: 1)], load: slow))
        try fixture.age(fixture.claimKey(), load: slow)
        let (result, load) = try fixture.claim()
        #expect(result == .claimed)
        #expect(try !fixture.stage([holder(3, sequence: 3)], load: slow))
        #expect(try fixture.name(coupon(issued: 1, last: 1), staged: 1, load: slow) == .superseded)
        try fixture.control.abandon(CouponID(7), partition: partition, epoch: 1, load: slow)
        #expect(try fixture.stage([holder(2, sequence: 1)], load: load))
        #expect(try fixture.name(coupon(issued: 1, last: 1), staged: 1, load: load) == .loaded)
        #expect(try fixture.inspect(1).holder == nil)
        #expect(try fixture.inspect(2).holder != nil)
    }

    /// The gate's clock may have been put back: without this rule no load could take over the claim for that
    /// long.
    @Test(arguments: [Int64.max, 1 << 53])
    func `a claim from the future is taken over`(_ moved: Int64) async throws {
        let fixture = try await RedisFixture()
        try fixture.open()
        let (_, load) = try fixture.claim()
        try fixture.age(fixture.claimKey(), load: load, moved: moved)
        #expect(try fixture.claim().0 == .claimed)
    }

    @Test func `a claim of other bytes, or of another type, is free`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open()
        try fixture.put(fixture.claimKey(), [1, 2, 3])
        let (result, load) = try fixture.claim()
        #expect(result == .claimed)
        try await fixture.server.cli("DEL", fixture.claimKey())
        try await fixture.server.cli("HSET", fixture.claimKey(), "a", "b")
        #expect(try !fixture.stage([holder(1, sequence: 1)], load: load))
        #expect(try fixture.name(coupon(), load: load) == .superseded)
        #expect(try fixture.load(coupon()) == .loaded)
    }

    /// Rule 32: a loader that read PostgreSQL before another loaded must not write what it read.
    @Test func `a slow load is refused`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open()
        let (_, slow) = try fixture.claim()
        try fixture.age(fixture.claimKey(), load: slow)
        #expect(try fixture.load(coupon(total: 1)) == .loaded)
        _ = try fixture.ask(request(1))
        #expect(try fixture.name(coupon(total: 1), load: slow) == .alreadyLoaded)
        let rev = try #require(try fixture.inspect().record?.rev)
        #expect(
            try fixture.settle(
                from: .zero, to: at(1),
                [settled(coupon(total: 1, version: 2, issued: 1, last: 1), 1)]))
        // The coupon has left since; the slow load has read that it has no holders.
        try fixture.itIsTime()
        _ = try fixture.unload()
        #expect(try fixture.inspect().record == nil)
        #expect(try fixture.name(coupon(total: 1), load: slow) == .superseded)
        let issued = coupon(total: 1, version: 2, issued: 1, last: 1)
        #expect(try fixture.load(issued, holders: [holder(1, sequence: 1)]) == .loaded)
        #expect(
            try #require(try fixture.inspect().record?.rev) > rev, "a cache takes only a higher rev"
        )
    }

    @Test(arguments: [-1, 1] as [Int64])
    func `a load with more or fewer holders than were staged fails, and leaves nothing`(
        _ difference: Int64
    ) async throws {
        let fixture = try await RedisFixture()
        try fixture.open()
        let before = try Set(fixture.keys())
        let (_, load) = try fixture.claim()
        #expect(try fixture.stage([holder(1, sequence: 1), holder(2, sequence: 2)], load: load))
        let two = coupon(issued: 2, last: 2)
        #expect(try fixture.name(two, staged: 2 + difference, load: load) == .incomplete)
        #expect(try fixture.inspect().record == nil)
        let after = try Set(fixture.keys())
        #expect(after == before.union([Keys.coupons(partition, 1)]))
        #expect(
            try fixture.name(two, staged: 2, load: load) == .superseded, "its claim is gone too")
        #expect(
            try fixture.load(two, holders: [holder(1, sequence: 1), holder(2, sequence: 2)])
                == .loaded)
    }

    @Test func `a load in a rebuild with another number of holders fails`() async throws {
        let fixture = try await RedisFixture()
        _ = try fixture.fence(epoch: 1)
        #expect(try fixture.stage([holder(1, sequence: 1)], load: nil))
        #expect(try fixture.name(coupon(), load: nil) == .incomplete)
        #expect(try await fixture.server.cli("EXISTS", fixture.stagedKey()) == "0")
        // The other coupons of the call are loaded.
        let loaded = LoadedCoupon(
            marks: LoadMarks(coupon: coupon(8, issued: 1, last: 1), held: 0),
            holders: [holder(1, sequence: 1)])
        let broken = LoadedCoupon(marks: LoadMarks(coupon: coupon(9), held: 0), staged: 4)
        #expect(
            try fixture.control.load(
                [broken, loaded], partition: partition, epoch: 1, load: nil) == .incomplete)
        #expect(try fixture.inspect(coupon: 8).record != nil)
        #expect(try fixture.inspect(coupon: 9).record == nil)
    }

    /// The answer to the first one was lost.
    @Test func `a repeated load in a rebuild leaves nothing staged, and the planned check stays`()
        async throws
    {
        let fixture = try await RedisFixture(retention: 3_600_000)
        _ = try fixture.fence(epoch: 1)
        let (one, holders) = (coupon(issued: 1, last: 1), [holder(1, sequence: 1)])
        #expect(try fixture.name(one, holders: holders, load: nil) == .loaded)
        let moment = try #require(try fixture.visit())
        #expect(moment < .max)
        #expect(try fixture.name(one, holders: holders, load: nil) == .alreadyLoaded)
        #expect(try await fixture.server.cli("EXISTS", fixture.stagedKey()) == "0")
        #expect(try fixture.visit() == moment)
    }

    @Test func `a decision on a letter waits for a running load`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open()
        let (_, load) = try fixture.claim()
        #expect(
            try fixture.stage([holder(1, sequence: 1, rejection: .deadLetter)], load: load))
        let letter = DeadLetter(
            id: 1,
            accepted: AcceptedRequest(
                coupon: CouponID(7), user: UserID(1), sequence: 1, requestID: id("a")),
            position: at(1), error: "", state: .discarded, createdAt: .zero)
        #expect(
            try fixture.control.apply(letter, of: coupon(), partition: partition, epoch: 1)
                == .loading)
        #expect(try fixture.name(coupon(last: 1), staged: 1, held: 1, load: load) == .loaded)
        #expect(try fixture.inspect().record?.used == 1)
        for _ in 1...2 {
            #expect(
                try fixture.control.apply(letter, of: coupon(), partition: partition, epoch: 1)
                    == .current)
            #expect(try fixture.inspect().record?.used == 0)
        }
        #expect(try fixture.inspect(1).holder?.rejection == .discarded)
    }

    @Test func `an abandoned load removes what it staged, and nothing else`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open()
        let (_, load) = try fixture.claim()
        #expect(try fixture.stage([holder(1, sequence: 1)], load: load))
        let control = fixture.control
        try control.abandon(CouponID(7), partition: partition, epoch: 1, load: load + 1)
        #expect(try await fixture.server.cli("EXISTS", fixture.stagedKey()) == "1")
        try control.abandon(CouponID(7), partition: partition, epoch: 1, load: load)
        #expect(
            try await fixture.server.cli("EXISTS", fixture.stagedKey(), fixture.claimKey()) == "0")
        #expect(try fixture.claim().0 == .claimed)
    }

    @Test func `a fence ends loads, and no load number can write into a rebuild`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open()
        let (_, load) = try fixture.claim()
        #expect(try !fixture.stage([holder(1, sequence: 1)], load: nil))
        #expect(try fixture.name(coupon(), load: nil) == .superseded)
        _ = try fixture.fence(epoch: 2)
        #expect(try !fixture.stage([holder(1, sequence: 1)], load: load))
        #expect(try fixture.name(coupon(), load: load) == .superseded)
        #expect(try fixture.claim(epoch: 2).0 == .stale)
        #expect(try !fixture.stage([holder(1, sequence: 1)], epoch: 2, load: load))
    }

    @Test func `many coupons are claimed and loaded together, each with its own answer`()
        async throws
    {
        let fixture = try await RedisFixture()
        try fixture.open()
        #expect(try fixture.load(coupon(1)) == .loaded)
        _ = try fixture.claim(2)
        let places = [1, 2, 3, 4, 5].map { CouponPlace(CouponID($0), partition, epoch: 1) }
        let stale = CouponPlace(CouponID(6), partition, epoch: 2)
        let claimed = fixture.control.claim(places + [stale], load: 9)
        #expect(
            try claimed.map { try $0.get() }
                == [
                    .alreadyLoaded, .elsewhere(isFilling: false), .claimed, .claimed, .claimed,
                    .stale,
                ])

        let full = LoadedCoupon(
            marks: LoadMarks(coupon: coupon(3, issued: 2_500, last: 2_500), held: 0),
            holders: (1...2_500).map { holder($0, sequence: $0) })
        let short = LoadedCoupon(
            marks: LoadMarks(coupon: coupon(4), held: 0), holders: [], staged: 1)
        let empty = LoadedCoupon(marks: LoadMarks(coupon: coupon(5), held: 0))
        let others = LoadedCoupon(marks: LoadMarks(coupon: coupon(2), held: 0))
        let loaded = fixture.control.load(
            [(full, places[2]), (short, places[3]), (empty, places[4]), (others, places[1])],
            load: 9)
        #expect(
            try loaded.map { try $0.get() } == [.loaded, .incomplete, .loaded, .superseded])
        #expect(try fixture.inspect(2_500, coupon: 3).holder != nil)
        #expect(try fixture.inspect(coupon: 4).record == nil)
    }

    @Test func `if Redis is away, each coupon fails`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open()
        try await fixture.server.stop()
        let places = [1, 2].map { CouponPlace(CouponID($0), partition, epoch: 1) }
        for result in fixture.control.claim(places, load: 9) {
            #expect(throws: BackendError.self) { try result.get() }
        }
    }
}
