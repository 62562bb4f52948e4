import CouponCore
import HistoryChecker
import Testing

/// The answers to one request, compared with each other and with its row.
@Suite struct RequestTests {
    @Test func `a sale with retries, duplicates and a sold-out end has no breach`() {
        var sample = SampleHistory(total: 2)
        sample.ask(1, to: 120, .failed(.unavailable, .notAccepted))
        sample.ask(1, try: 1, from: 130, to: 140, .failed(nil, .unknown))
        sample.ask(
            1, try: 2, from: 150, to: 160, .answered(.issued(sequence: 1, at: .millisecond(155))))
        sample.ask(
            1, request: 77, from: 170, to: 180, .answered(.duplicate(sequence: 1, state: .issued)))
        sample.row(1, 1, at: 135)
        sample.ask(2, from: 200, to: 210, .failed(.deadlineExceeded, .accepted(sequence: 2)))
        sample.row(2, 2, at: 205)
        sample.ask(3, from: 220, to: 230, .answered(.soldOut))
        #expect(sample.found(record: .init(used: 2, queued: 0, nextSequence: 3)).isEmpty)
    }

    @Test(arguments: [
        Call.End.answered(.accepted(sequence: 1)),
        .answered(.issued(sequence: 1, at: .millisecond(105))),
        .failed(.deadlineExceeded, .accepted(sequence: 1)),
        .answered(.duplicate(sequence: 1, state: .queued)),
    ])
    func `an acceptance without a row is lost`(end: Call.End) {
        var sample = SampleHistory()
        sample.ask(1, end)
        #expect(sample.kinds().contains(.lost))
    }

    @Test func `a loss of Redis' data may take acceptances, but not issues`() {
        var sample = SampleHistory(total: nil)
        sample.ask(1, .answered(.accepted(sequence: 1)))
        sample.ask(1, try: 1, from: 300, to: 310, .answered(.accepted(sequence: 4)))
        sample.row(1, 4, at: 305)
        sample.lose(.redis, from: 200, to: 210)
        #expect(sample.found().isEmpty)
        #expect(sample.checker.lostCount(sample.history, against: sample.tables) == 1)

        sample.ask(2, .answered(.issued(sequence: 2, at: .millisecond(105))))
        #expect(sample.kinds() == [.lost, .unsold])
        sample.history.losses = []
        sample.lose(.postgres, from: 200, to: 210)
        #expect(sample.kinds() == [.unsold], "PostgreSQL's data may take issues with it")
    }

    @Test func `a loss does not excuse acceptances after it`() {
        var sample = SampleHistory()
        sample.lose(.redis, from: 50, to: 60)
        sample.ask(1, .answered(.accepted(sequence: 1)))
        #expect(sample.kinds().contains(.lost))
    }

    @Test func `a master that was cut off loses only what it accepted until it noticed`() {
        for (sent, excuses) in [(100, false), (205, true), (215, false)] as [(Int64, Bool)] {
            var sample = SampleHistory()
            sample.ask(1, from: sent, to: sent + 3, .answered(.accepted(sequence: 1)))
            sample.ask(
                1, request: 2, from: sent, to: sent + 3,
                .answered(.duplicate(sequence: 1, state: .queued)))
            sample.status(1, from: sent, to: sent + 3, .queued(sequence: 1))
            sample.lose(.redis, from: 200, to: 210, sparesEarlier: true)
            #expect(sample.kinds() == (excuses ? [.unsold] : [.unsold, .lost, .wrongStatus]))
        }
    }

    @Test func `what was accepted before a master was cut off keeps its answers`() {
        for (sent, excuses): (Int64, Bool) in [(190, false), (198, true)] {
            for later: (inout SampleHistory) -> Void in [
                { $0.status(1, from: 300, to: 310, .none) },
                { $0.ask(1, try: 1, from: 300, to: 310, .answered(.accepted(sequence: 2))) },
                { $0.ask(1, try: 1, from: 300, to: 310, .answered(.soldOut)) },
            ] {
                var sample = SampleHistory(total: 1)
                sample.ask(1, from: sent, to: sent + 3, .answered(.accepted(sequence: 1)))
                later(&sample)
                sample.lose(.redis, from: 200, to: 210, sparesEarlier: true)
                let kinds = Set(sample.kinds())
                #expect(
                    kinds.isDisjoint(with: [.wrongStatus, .changedAnswer]) == excuses, "\(kinds)")
            }
        }
    }

    @Test func `a loss at one node does not excuse the coupons of another`() {
        for (coupons, excuses): (Set<CouponID>, Bool) in [
            ([SampleHistory.coupon], true), ([CouponID(2)], false),
        ] {
            var sample = SampleHistory(total: 1)
            sample.ask(1, .answered(.accepted(sequence: 1)))
            sample.ask(2, from: 150, to: 160, .answered(.soldOut))
            sample.ask(2, try: 1, from: 300, to: 310, .answered(.accepted(sequence: 1)))
            sample.row(2, 1, at: 305)
            sample.lose(.redis, from: 200, to: 210, of: coupons)
            #expect(sample.kinds() == (excuses ? [] : [.lost, .wrongRefusal]))
        }
    }

    @Test func `if answers waited for replicas, a failover may only take what was not answered`() {
        var sample = SampleHistory(total: 1)
        sample.ask(1, .failed(.unavailable, .unknown))
        sample.ask(2, from: 150, to: 160, .answered(.soldOut))
        sample.ask(2, try: 1, from: 300, to: 310, .answered(.accepted(sequence: 1)))
        sample.row(2, 1, at: 305)
        sample.lose(.redis, from: 200, to: 210, includesAnswered: false)
        #expect(sample.kinds() == [.unanswered], "SOLD_OUT was true until the loss")
        sample.ask(1, try: 1, from: 170, to: 180, .answered(.accepted(sequence: 1)))
        #expect(sample.kinds() == [.lost])
    }

    @Test func `a row that no call asked for is a phantom`() {
        var sample = SampleHistory()
        sample.row(1, 1)
        #expect(sample.kinds().contains(.phantom))
    }

    @Test(arguments: [
        Call.End.answered(.soldOut), .failed(.unavailable, .notAccepted),
        .answered(.duplicate(sequence: 9, state: .issued)),
    ])
    func `a row of a request that was answered "not accepted" is a phantom`(end: Call.End) {
        var sample = SampleHistory()
        sample.ask(1, end)
        sample.row(1, 1)
        #expect(sample.kinds().contains(.phantom))
    }

    @Test func `a row accepted before its request or after the answer is a phantom`() {
        for moment in [50, 150] as [Int64] {
            var sample = SampleHistory()
            sample.ask(1, .answered(.accepted(sequence: 1)))
            sample.row(1, 1, at: moment)
            #expect(sample.kinds().contains(.phantom))
        }
    }

    @Test func `a call with an unknown result may be accepted after its client stopped waiting`() {
        var sample = SampleHistory()
        sample.ask(1, .failed(nil, .unknown))
        sample.ask(1, try: 1, from: 200, to: 210, .answered(.soldOut))
        sample.row(1, 1, at: 150)
        #expect(!sample.kinds().contains(.phantom))
    }

    @Test func `a call with an unknown result is not accepted after its deadline`() {
        var sample = SampleHistory()
        sample.ask(1, deadline: 1_000, .failed(nil, .unknown))
        sample.ask(1, try: 1, from: 1_200, to: 1_210, .answered(.soldOut))
        sample.row(1, 1, at: 1_151)
        #expect(sample.kinds().contains(.phantom))
        sample.history.disturbances = [1: [Interval(from: .millisecond(0), to: .millisecond(200))]]
        #expect(!sample.kinds().contains(.phantom), "it may have waited in the daemon's socket")
        sample.history.disturbances = [:]
        sample.history.stalls = [Interval(from: .millisecond(400), to: .millisecond(401))]
        #expect(!sample.kinds().contains(.phantom), "the whole machine may have stalled")
    }

    @Test func `a request that was answered REJECTED must have a rejection and no issue`() {
        var sample = SampleHistory()
        sample.checker.mayReject = true
        sample.ask(1, .answered(.rejected(sequence: 1, reason: .deadLetter)))
        #expect(sample.kinds().contains(.lost))
        sample.row(1, 1)
        #expect(sample.kinds().contains(.phantom))
        sample.tables.issues = []
        sample.rejection(1, 1)
        #expect(sample.kinds().isEmpty)
    }

    @Test func `two sequences for one request are a changed answer`() {
        var sample = SampleHistory()
        sample.win(1, 1)
        sample.ask(1, try: 1, from: 200, to: 210, .answered(.accepted(sequence: 2)))
        #expect(sample.kinds().contains(.changedAnswer))
    }

    @Test(arguments: [
        Outcome.soldOut, .duplicate(sequence: 1, state: .queued), .ended, .notFound,
    ])
    func `a retry that is refused after it was accepted is a changed answer`(outcome: Outcome) {
        var sample = SampleHistory()
        sample.win(1, 1)
        sample.ask(1, try: 1, from: 200, to: 210, .answered(outcome))
        #expect(sample.kinds().contains(.changedAnswer))
    }

    @Test func `the first try of a holder may get SOLD_OUT`() {
        var sample = SampleHistory(total: 1)
        sample.win(1, 1)
        sample.ask(1, from: 200, to: 210, .answered(.soldOut))
        #expect(sample.found().isEmpty)
    }

    @Test func `two answers swapped are wrong sequences`() {
        var sample = SampleHistory()
        sample.ask(1, .answered(.accepted(sequence: 2)))
        sample.ask(2, .answered(.accepted(sequence: 1)))
        sample.row(1, 1)
        sample.row(2, 2)
        #expect(sample.found().count { $0.kind == .wrongSequence } == 2)
    }

    @Test(arguments: [Outcome.notOpen(opens: .millisecond(0)), .ended, .paused, .closed, .notFound])
    func `a refusal without its reason is a wrong refusal`(outcome: Outcome) {
        var sample = SampleHistory(total: 1)
        sample.win(1, 1)
        sample.ask(2, .answered(outcome))
        #expect(sample.kinds() == [.wrongRefusal])
    }

    @Test func `a request without an answer is reported`() {
        var sample = SampleHistory(total: 1)
        sample.win(1, 1)
        sample.ask(2, .failed(.unavailable, .notAccepted))
        #expect(sample.kinds() == [.unanswered])
    }
}
