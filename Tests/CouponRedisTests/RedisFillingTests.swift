/// A coupon that takes requests before its issued users are loaded, against rule 53.
internal import CouponCore
internal import TestSupport
internal import Testing

@testable internal import CouponRedis

/// A coupon of four with one rejected and two issued users: 1 was rejected, 2 and 3 have it.
private let sale = coupon(total: 4, issued: 2, last: 3)
private let rejected = holder(1, sequence: 1, name: "r1", rejection: .soldOut)
private let issued = [
    holder(2, sequence: 2, name: "r2"), holder(3, sequence: 3, name: "r3"),
]

extension RedisFixture {
    /// The gate holds the rejected user and the figures; the load goes on.
    fileprivate func beginFilling(_ coupon: Coupon = sale) throws -> LoadNumber {
        let (claimed, load) = try claim()
        #expect(claimed == .claimed)
        #expect(try stage([rejected], load: load))
        let loaded = LoadedCoupon(
            marks: LoadMarks(coupon: coupon, held: 0), staged: 1, isFilling: true)
        #expect(
            try control.load([loaded], partition: partition, epoch: 1, load: load) == .loaded)
        return load
    }

    /// What the gate says of requests that are cleared at `rev`.
    fileprivate func judge(_ requests: GateRequest..., clearedAt rev: Int64 = 0) throws
        -> GateResult
    {
        try judge(requests, rev)
    }

    private func judge(_ requests: [GateRequest], _ rev: Int64) throws -> GateResult {
        let call = GateCall(
            partition: partition, epoch: 1, identity: try control.identity(), floor: 0,
            questions: [
                GateQuestion(coupon: CouponID(7), requests: requests, clearedAt: rev)
            ])
        guard case .reply(let reply) = try answer(call, by: control) else { return .exhausted }
        return try #require(reply.results.first)
    }

    /// The verdicts for requests that are cleared at `rev`.
    fileprivate func verdicts(_ requests: GateRequest..., clearedAt rev: Int64 = 0) throws
        -> [GateVerdict]
    {
        guard case .judged(let judgement) = try judge(requests, rev) else { return [] }
        return judgement.verdicts
    }

    /// The rev that the gate says with a refusal to judge.
    fileprivate func rev() throws -> Int64 {
        guard case .filling(let rev) = try judge(request(9)) else {
            throw BackendError.redis(.unexpectedReply("the coupon is not filling"))
        }
        return rev
    }

    fileprivate func complete(_ load: LoadNumber) throws -> Bool {
        try control.complete(CouponID(7), partition: partition, epoch: 1, load: load)
    }
}

@Suite struct RedisFillingTests {
    @Test func `only cleared requests are judged, until the load is complete`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open()
        let load = try fixture.beginFilling()
        #expect(try fixture.judge(request(2, "r2")) == .filling(rev: 1))
        #expect(try fixture.inspect().record?.used == 2)
        let rev = try fixture.rev()
        #expect(
            try fixture.verdicts(request(4, "a"), request(1, "r1"), clearedAt: rev) == [
                .accepted(sequence: 4, position: at(1)), .rejected(sequence: 1, reason: .soldOut),
            ])
        #expect(try fixture.stage(issued, load: load))
        #expect(try fixture.judge(request(2, "r2")) == .filling(rev: 1), "not complete")
        #expect(try fixture.complete(load))
        #expect(
            try fixture.verdicts(
                request(2, "r2"), request(3, "x"), request(4, "a"), request(5), request(6)) == [
                    .replayed(sequence: 2, position: .zero),
                    .duplicate(sequence: 3, state: .issued, position: .zero),
                    .replayed(sequence: 4, position: at(1)),
                    .accepted(sequence: 5, position: at(2)), .soldOut,
                ])
        #expect(try await fixture.server.cli("EXISTS", fixture.claimKey()) == "0")
    }

    /// If the coupon left, the load would begin again, with all holders of a coupon that nobody can get.
    @Test func `a finished coupon stays until its load has ended`() async throws {
        let fixture = try await RedisFixture(retention: 3_600_000)
        try fixture.open()
        let load = try fixture.beginFilling()
        #expect(
            try fixture.control.set(
                coupon(total: 4, state: .closed, version: 2, issued: 2, last: 3),
                partition: partition, epoch: 1) == .current)
        try fixture.itIsTime()
        #expect(try !fixture.unload())
        #expect(try fixture.stage(issued, load: load), "the load goes on")
        let visit = try #require(try fixture.visit())
        let now = try fixture.inspect().now.microseconds / 1_000
        #expect((1...6_000).contains(visit - now), "it is looked at again soon")
        #expect(try fixture.complete(load))
        try fixture.itIsTime()
        #expect(try !fixture.unload())
        #expect(try fixture.inspect().record == nil)
    }

    @Test func `a call without requests is answered while the coupon is filling`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open()
        _ = try fixture.beginFilling()
        guard case .judged(let judgement) = try fixture.judge() else {
            Testing.Issue.record("it is not answered")
            return
        }
        #expect(judgement.door == .open && judgement.verdicts.isEmpty)
    }

    /// The load also reads rows of users whom this gate has accepted since the load began.
    @Test func `a page replaces no holder that the gate has`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open()
        let load = try fixture.beginFilling()
        _ = try fixture.verdicts(request(1, "again"), request(4, "a"), clearedAt: try fixture.rev())
        let before = try [1, 4].map { try fixture.inspect($0).holder }
        #expect(
            try fixture.stage(
                [rejected, holder(4, sequence: 9, name: "z")] + issued, load: load))
        #expect(try [1, 4].map { try fixture.inspect($0).holder } == before)
        #expect(try fixture.inspect(2).holder == issued[0].holder)
        #expect(try fixture.stage(issued, load: load), "a page may be written twice")
    }

    /// The user of a cleared request may have got the coupon before it was unloaded.
    @Test func `a request that was cleared before this load is not judged`() async throws {
        let fixture = try await RedisFixture(retention: 3_600_000)
        try fixture.open()
        let load = try fixture.beginFilling()
        let old = try fixture.rev()
        // The coupon is closed, leaves, and is opened again.
        #expect(
            try fixture.control.set(
                coupon(total: 4, state: .closed, version: 2, issued: 2, last: 3),
                partition: partition, epoch: 1) == .current)
        try fixture.itIsTime()
        // The load of the coupon does not move any more.
        try fixture.age(fixture.claimKey(), load: load)
        _ = try fixture.unload()
        #expect(try fixture.inspect().record == nil)
        _ = try fixture.beginFilling(coupon(total: 4, version: 3, issued: 2, last: 3))
        guard case .filling(let new) = try fixture.judge(request(4), clearedAt: old) else {
            Testing.Issue.record("a request of the earlier load was judged")
            return
        }
        #expect(new > old)
        #expect(
            try fixture.verdicts(request(4), clearedAt: new)
                == [.accepted(sequence: 4, position: at(1))])
    }

    @Test func `another load completes a coupon whose load has stopped`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open()
        let slow = try fixture.beginFilling()
        #expect(try fixture.stage([issued[0]], load: slow))
        #expect(try fixture.claim().0 == .elsewhere(isFilling: true))
        try fixture.age(fixture.claimKey(), load: slow)
        let (result, load) = try fixture.claim()
        #expect(result == .filling)
        #expect(try !fixture.stage([issued[1]], load: slow))
        #expect(try !fixture.complete(slow))
        #expect(try fixture.name(sale, load: slow) == .alreadyLoaded)
        #expect(try fixture.stage(issued, load: load))
        #expect(try fixture.complete(load))
        #expect(try !fixture.complete(load), "it is complete")
        #expect(try fixture.claim().0 == .alreadyLoaded)
        #expect(try !fixture.stage(issued, load: load))
    }

    @Test func `an abandoned load leaves the coupon filling, for another one`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open()
        let load = try fixture.beginFilling()
        try fixture.control.abandon(CouponID(7), partition: partition, epoch: 1, load: load)
        #expect(try fixture.judge(request(4)) == .filling(rev: 1))
        #expect(try fixture.claim().0 == .filling)
    }

    @Test func `a coupon that is filling settles, changes and is capped as any other`()
        async throws
    {
        let fixture = try await RedisFixture()
        try fixture.open()
        _ = try fixture.beginFilling()
        let rev = try fixture.rev()
        _ = try fixture.verdicts(request(4, "a"), clearedAt: rev)
        #expect(
            try fixture.settle(
                from: .zero, to: at(1),
                [settled(coupon(total: 4, version: 1, issued: 3, last: 4), 1)]))
        #expect(
            try fixture.control.set(
                coupon(total: 3, version: 2, issued: 3, last: 4), partition: partition, epoch: 1)
                == .current)
        #expect(
            try fixture.control.cap(
                CouponID(7), version: 2, partition: partition, epoch: 1, total: 3) == .capped)
        #expect(try fixture.judge(request(5)) == .filling(rev: 2))
        #expect(try fixture.verdicts(request(5), clearedAt: try fixture.rev()) == [.soldOut])
    }

    @Test func `a fence ends the load`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open()
        let load = try fixture.beginFilling()
        _ = try fixture.fence(epoch: 2)
        #expect(try !fixture.stage(issued, load: load))
        #expect(try !fixture.complete(load))
    }
}
