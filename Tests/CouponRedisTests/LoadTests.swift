/// Loads into an open gate against rule 32: one at a time, whole or not at all.
internal import CouponCore
internal import TestSupport
internal import Testing

@testable internal import CouponRedis

@Suite struct LoadTests {
    @Test func manyHoldersArriveWhole() async throws {
        let bench = try await Bench()
        try bench.open()
        let holders = (0..<25_500).map { index in
            holder(
                bigUser + index, sequence: index + 1, name: "r\(index)",
                rejection: index % 100 == 0 ? .soldOut : nil)
        }
        let total = coupon(total: nil, issued: 25_245, last: 25_500)
        #expect(try bench.load(total, holders: holders) == .loaded)
        #expect(try bench.inspect(bigUser + 25_499).holder == holders[25_499].holder)
        #expect(try bench.inspect(bigUser + 100).holder?.rejection == .soldOut)
        #expect(
            try Set(bench.keys()) == [
                Keys.gate(partition), Keys.epochs(partition), Keys.coupons(partition, 1),
                Keys.record(CouponID(7), partition, 1), Keys.holders(CouponID(7), partition, 1),
            ])
        #expect(
            try bench.ask(request(bigUser + 5, "r5"), request(1)).verdicts == [
                .replayed(sequence: 6, position: .zero),
                .accepted(sequence: 25_501, position: at(1)),
            ])
    }

    @Test func `a second load finds the coupon claimed, whatever it does`() async throws {
        let bench = try await Bench()
        try bench.open()
        let (first, load) = try bench.claim()
        let (second, late) = try bench.claim()
        #expect(first == .claimed && second == .elsewhere)
        #expect(try bench.stage([holder(1, sequence: 1)], load: load))
        #expect(try !bench.stage([holder(2, sequence: 2)], load: late))
        #expect(try bench.name(coupon(), load: late) == .superseded)
        #expect(try bench.name(coupon(issued: 1, last: 1), staged: 1, load: load) == .loaded)
        #expect(try bench.claim().0 == .alreadyLoaded)
        #expect(try bench.inspect(2).holder == nil)
        #expect(try bench.claim(8, epoch: 2).0 == .stale)
    }

    @Test func `a claim is renewed by its own load, and kept by what it stages`() async throws {
        let bench = try await Bench()
        try bench.open()
        let (_, load) = try bench.claim()
        #expect(
            try bench.control.claim(CouponID(7), partition: partition, epoch: 1, load: load)
                == .claimed, "it begins anew")
        try bench.age(bench.claimKey(), load: load)
        #expect(try bench.stage([holder(1, sequence: 1)], load: load))
        #expect(try bench.claim().0 == .elsewhere, "it has moved")
    }

    @Test func `a claim that has not moved for the patience is taken over, with nothing staged`()
        async throws
    {
        let bench = try await Bench()
        try bench.open()
        let (_, slow) = try bench.claim()
        #expect(try bench.stage([holder(1, sequence: 1)], load: slow))
        try bench.age(bench.claimKey(), load: slow)
        let (result, load) = try bench.claim()
        #expect(result == .claimed)
        #expect(try !bench.stage([holder(3, sequence: 3)], load: slow))
        #expect(try bench.name(coupon(issued: 1, last: 1), staged: 1, load: slow) == .superseded)
        try bench.control.abandon(CouponID(7), partition: partition, epoch: 1, load: slow)
        #expect(try bench.stage([holder(2, sequence: 1)], load: load))
        #expect(try bench.name(coupon(issued: 1, last: 1), staged: 1, load: load) == .loaded)
        #expect(try bench.inspect(1).holder == nil)
        #expect(try bench.inspect(2).holder != nil)
    }

    /// After a step of the gate's clock nobody could take it over for as long.
    @Test(arguments: [Int64.max, 1 << 53])
    func `a claim from the future is taken over`(_ moved: Int64) async throws {
        let bench = try await Bench()
        try bench.open()
        let (_, load) = try bench.claim()
        try bench.age(bench.claimKey(), load: load, moved: moved)
        #expect(try bench.claim().0 == .claimed)
    }

    @Test func `a claim of other bytes, or of another type, is nobody's`() async throws {
        let bench = try await Bench()
        try bench.open()
        try bench.put(bench.claimKey(), [1, 2, 3])
        let (result, load) = try bench.claim()
        #expect(result == .claimed)
        try await bench.server.cli("DEL", bench.claimKey())
        try await bench.server.cli("HSET", bench.claimKey(), "a", "b")
        #expect(try !bench.stage([holder(1, sequence: 1)], load: load))
        #expect(try bench.name(coupon(), load: load) == .superseded)
        #expect(try bench.load(coupon()) == .loaded)
    }

    /// Model M6: a loader that read PostgreSQL before another loaded must not write what it read.
    @Test func aSlowLoaderIsTurnedAway() async throws {
        let bench = try await Bench()
        try bench.open()
        let (_, slow) = try bench.claim()
        try bench.age(bench.claimKey(), load: slow)
        #expect(try bench.load(coupon(total: 1)) == .loaded)
        _ = try bench.ask(request(1))
        #expect(try bench.name(coupon(total: 1), load: slow) == .alreadyLoaded)
        let rev = try #require(try bench.inspect().record?.rev)
        #expect(
            try bench.settle(
                from: .zero, to: at(1),
                [settled(coupon(total: 1, version: 2, issued: 1, last: 1), 1)]))
        // It has left since: the slow one has read that nobody has the coupon.
        try bench.itIsTime()
        _ = try bench.unload()
        #expect(try bench.inspect().record == nil)
        #expect(try bench.name(coupon(total: 1), load: slow) == .superseded)
        let issued = coupon(total: 1, version: 2, issued: 1, last: 1)
        #expect(try bench.load(issued, holders: [holder(1, sequence: 1)]) == .loaded)
        #expect(
            try #require(try bench.inspect().record?.rev) > rev, "a cache takes only a higher rev")
    }

    @Test(arguments: [-1, 1] as [Int64])
    func `a load with more or fewer holders than were staged is none, and leaves nothing`(
        _ difference: Int64
    ) async throws {
        let bench = try await Bench()
        try bench.open()
        let before = try Set(bench.keys())
        let (_, load) = try bench.claim()
        #expect(try bench.stage([holder(1, sequence: 1), holder(2, sequence: 2)], load: load))
        let two = coupon(issued: 2, last: 2)
        #expect(try bench.name(two, staged: 2 + difference, load: load) == .incomplete)
        #expect(try bench.inspect().record == nil)
        let after = try Set(bench.keys())
        #expect(after == before.union([Keys.coupons(partition, 1)]))
        #expect(try bench.name(two, staged: 2, load: load) == .superseded, "its claim is gone too")
        #expect(
            try bench.load(two, holders: [holder(1, sequence: 1), holder(2, sequence: 2)])
                == .loaded)
    }

    @Test func `a load in a rebuild with holders of another count is none`() async throws {
        let bench = try await Bench()
        _ = try bench.fence(epoch: 1)
        #expect(try bench.stage([holder(1, sequence: 1)], load: nil))
        #expect(try bench.name(coupon(), load: nil) == .incomplete)
        #expect(try await bench.server.cli("EXISTS", bench.stagedKey()) == "0")
        // The other coupons of the call are loaded.
        let loaded = LoadedCoupon(
            marks: LoadMarks(coupon: coupon(8, issued: 1, last: 1), held: 0),
            holders: [holder(1, sequence: 1)])
        let broken = LoadedCoupon(marks: LoadMarks(coupon: coupon(9), held: 0), staged: 4)
        #expect(
            try bench.control.load(
                [broken, loaded], partition: partition, epoch: 1, load: nil) == .incomplete)
        #expect(try bench.inspect(coupon: 8).record != nil)
        #expect(try bench.inspect(coupon: 9).record == nil)
    }

    /// Its answer was lost.
    @Test func `a load in a rebuild that is repeated leaves nothing staged, and the moment stays`()
        async throws
    {
        let bench = try await Bench(retention: 3_600_000)
        _ = try bench.fence(epoch: 1)
        let (one, holders) = (coupon(issued: 1, last: 1), [holder(1, sequence: 1)])
        #expect(try bench.name(one, holders: holders, load: nil) == .loaded)
        let moment = try #require(try bench.visit())
        #expect(moment < .max)
        #expect(try bench.name(one, holders: holders, load: nil) == .alreadyLoaded)
        #expect(try await bench.server.cli("EXISTS", bench.stagedKey()) == "0")
        #expect(try bench.visit() == moment)
    }

    @Test func `a letter that is decided meanwhile ends a load`() async throws {
        let bench = try await Bench()
        try bench.open()
        let (_, load) = try bench.claim()
        #expect(
            try bench.stage([holder(1, sequence: 1, rejection: .deadLetter)], load: load))
        let letter = DeadLetter(
            id: 1,
            holding: Holding(
                coupon: CouponID(7), user: UserID(1), sequence: 1, requestID: id("a")),
            position: at(1), error: "", state: .discarded, createdAt: .zero)
        #expect(
            try bench.control.settle(letter, of: coupon(), partition: partition, epoch: 1)
                == .notLoaded)
        #expect(try bench.name(coupon(last: 1), staged: 1, held: 1, load: load) == .superseded)
        #expect(try bench.inspect().record == nil)
        #expect(try await bench.server.cli("EXISTS", bench.stagedKey()) == "0")
        #expect(try bench.load(coupon(last: 1)) == .loaded)
    }

    @Test func `a load that does not go on leaves nothing, and only its own`() async throws {
        let bench = try await Bench()
        try bench.open()
        let (_, load) = try bench.claim()
        #expect(try bench.stage([holder(1, sequence: 1)], load: load))
        let control = bench.control
        try control.abandon(CouponID(7), partition: partition, epoch: 1, load: load + 1)
        #expect(try await bench.server.cli("EXISTS", bench.stagedKey()) == "1")
        try control.abandon(CouponID(7), partition: partition, epoch: 1, load: load)
        #expect(
            try await bench.server.cli("EXISTS", bench.stagedKey(), bench.claimKey()) == "0")
        #expect(try bench.claim().0 == .claimed)
    }

    @Test func `a fence ends loads, and a load number is no way into a rebuild`() async throws {
        let bench = try await Bench()
        try bench.open()
        let (_, load) = try bench.claim()
        #expect(try !bench.stage([holder(1, sequence: 1)], load: nil))
        #expect(try bench.name(coupon(), load: nil) == .superseded)
        _ = try bench.fence(epoch: 2)
        #expect(try !bench.stage([holder(1, sequence: 1)], load: load))
        #expect(try bench.name(coupon(), load: load) == .superseded)
        #expect(try bench.claim(epoch: 2).0 == .stale)
        #expect(try !bench.stage([holder(1, sequence: 1)], epoch: 2, load: load))
    }
}
