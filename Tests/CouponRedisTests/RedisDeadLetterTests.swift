/// How a gate applies the decision on a dead letter (rule 46).
internal import CouponCore
internal import Testing

@testable internal import CouponRedis

@Suite(.timeLimit(.minutes(10))) struct RedisDeadLetterTests {
    private func letter(_ state: DeadLetter.State, request: String = "a") -> DeadLetter {
        DeadLetter(
            id: 1,
            accepted: AcceptedRequest(
                coupon: CouponID(7), user: UserID(bigUser), sequence: 1, requestID: id(request)),
            position: at(1), error: "", state: state, createdAt: .zero)
    }

    /// A coupon with one slot, which a dead letter holds.
    private func stage() async throws -> RedisFixture {
        let fixture = try await RedisFixture()
        try fixture.open(coupon(total: 1))
        _ = try fixture.ask(request(bigUser))
        #expect(
            try fixture.settle(
                from: .zero, to: at(1), [settled(coupon(total: 1), 1)],
                rejections: [rejection(bigUser, sequence: 1, at: at(1), .deadLetter)]))
        #expect(try fixture.inspect(bigUser).record?.used == 1)
        return fixture
    }

    private func apply(_ fixture: RedisFixture, _ letter: DeadLetter, _ coupon: Coupon) throws
        -> SetResult
    {
        try fixture.control.apply(letter, of: coupon, partition: partition, epoch: 1)
    }

    @Test func `a discarded letter gives its slot back once`() async throws {
        let fixture = try await stage()
        let rev = try fixture.inspect().record?.rev ?? 0
        for _ in 1...2 {
            #expect(try apply(fixture, letter(.discarded), coupon(total: 1)) == .current)
            #expect(try fixture.inspect().record?.used == 0)
        }
        #expect(try fixture.inspect().record?.rev == rev + 1, "every daemon learns that it opened")
        #expect(
            try fixture.ask(request(bigUser)).verdicts
                == [.rejected(sequence: 1, reason: .discarded)])
        let again = try fixture.ask(request(bigUser, "b"))
        #expect(again.verdicts == [.accepted(sequence: 2, position: at(2))])
        // The letter of the first request does not change the second one's holder.
        #expect(try apply(fixture, letter(.discarded), coupon(total: 1)) == .current)
        #expect(try fixture.inspect().record?.used == 1)
    }

    /// The letter is committed, and its owner has not settled yet.
    @Test(arguments: [DeadLetter.State.redriven, .discarded])
    func `a decision waits until the commit of its letter is settled`(
        state: DeadLetter.State
    ) async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon(total: 1))
        _ = try fixture.ask(request(bigUser))
        #expect(try apply(fixture, letter(state), coupon(total: 1)) == .loading)
        #expect(try fixture.inspect(bigUser).holder?.rejection == nil)
        #expect(
            try fixture.settle(
                from: .zero, to: at(1), [settled(coupon(total: 1), 1)],
                rejections: [rejection(bigUser, sequence: 1, at: at(1), .deadLetter)]))
        #expect(try apply(fixture, letter(state), coupon(total: 1)) == .current)
        #expect(
            try fixture.inspect(bigUser).holder?.rejection
                == (state == .redriven ? nil : .discarded))
        #expect(try fixture.inspect().record?.used == (state == .redriven ? 1 : 0))
    }

    /// After REPLICAOF there and back a user may have two letters of one sequence.
    @Test func `a letter of the same sequence and another request changes nothing`() async throws {
        let fixture = try await stage()
        for state in [DeadLetter.State.discarded, .redriven] {
            let other = letter(state, request: "other")
            #expect(try apply(fixture, other, coupon(total: 1)) == .current)
            #expect(try fixture.inspect().record?.used == 1)
            #expect(try fixture.inspect(bigUser).holder?.rejection == .deadLetter)
        }
    }

    @Test func `a redriven letter's user is a holder`() async throws {
        let fixture = try await stage()
        let issued = coupon(total: 1, version: 2, issued: 1)
        #expect(try apply(fixture, letter(.redriven), issued) == .current)
        let record = try fixture.inspect().record
        #expect(record?.used == 1 && record?.version == 2 && record?.terms.isSoldOut == true)
        let reply = try fixture.ask(request(bigUser), request(bigUser, "b"))
        #expect(
            reply.verdicts == [
                .replayed(sequence: 1, position: at(1)),
                .duplicate(sequence: 1, state: .issued, position: at(1)),
            ])
    }

    @Test func `a gate without the coupon gets the decision with the next load`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open()
        #expect(try apply(fixture, letter(.discarded), coupon()) == .notLoaded)
        #expect(
            try fixture.control.apply(
                letter(.discarded), of: coupon(), partition: partition, epoch: 9) == .stale)
    }
}
