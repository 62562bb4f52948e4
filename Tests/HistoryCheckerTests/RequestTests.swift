import CouponCore
import HistoryChecker
import Testing

/// What one request is told, against itself and against its row.
@Suite struct RequestTests {
    @Test func `a whole sale with retries, duplicates and a sold-out end is no breach`() {
        var tale = Tale(total: 2)
        tale.ask(1, to: 120, .failed(.unavailable, .notAccepted))
        tale.ask(1, try: 1, from: 130, to: 140, .failed(nil, .unknown))
        tale.ask(1, try: 2, from: 150, to: 160, .told(.issued(sequence: 1, at: .at(155))))
        tale.ask(1, request: 77, from: 170, to: 180, .told(.duplicate(sequence: 1, state: .issued)))
        tale.row(1, 1, at: 135)
        tale.ask(2, from: 200, to: 210, .failed(.deadlineExceeded, .accepted(sequence: 2)))
        tale.row(2, 2, at: 205)
        tale.ask(3, from: 220, to: 230, .told(.soldOut))
        #expect(tale.found(record: .init(used: 2, queued: 0, nextSequence: 3)).isEmpty)
    }

    @Test(arguments: [
        Call.End.told(.accepted(sequence: 1)), .told(.issued(sequence: 1, at: .at(105))),
        .failed(.deadlineExceeded, .accepted(sequence: 1)),
        .told(.duplicate(sequence: 1, state: .queued)),
    ])
    func `told accepted, and nothing is left of it: lost`(end: Call.End) {
        var tale = Tale()
        tale.ask(1, end)
        #expect(tale.kinds().contains(.lost))
    }

    @Test func `what was accepted before Redis lost it may be gone, what was issued may not`() {
        var tale = Tale(total: nil)
        tale.ask(1, .told(.accepted(sequence: 1)))
        tale.ask(1, try: 1, from: 300, to: 310, .told(.accepted(sequence: 4)))
        tale.row(1, 4, at: 305)
        tale.lose(.redis, from: 200, to: 210)
        #expect(tale.found().isEmpty)
        #expect(tale.checker.lostCount(tale.history, against: tale.tables) == 1)

        tale.ask(2, .told(.issued(sequence: 2, at: .at(105))))
        #expect(tale.kinds() == [.lost, .unsold])
        tale.history.losses = []
        tale.lose(.postgres, from: 200, to: 210)
        #expect(tale.kinds() == [.unsold], "PostgreSQL's data may take issues with it")
    }

    @Test func `what is accepted after the loss is lost by nobody's leave`() {
        var tale = Tale()
        tale.lose(.redis, from: 50, to: 60)
        tale.ask(1, .told(.accepted(sequence: 1)))
        #expect(tale.kinds().contains(.lost))
    }

    @Test func `a row that nobody asked for is a phantom`() {
        var tale = Tale()
        tale.row(1, 1)
        #expect(tale.kinds().contains(.phantom))
    }

    @Test(arguments: [
        Call.End.told(.soldOut), .failed(.unavailable, .notAccepted),
        .told(.duplicate(sequence: 9, state: .issued)),
    ])
    func `a row of a request that was told it is not accepted is a phantom`(end: Call.End) {
        var tale = Tale()
        tale.ask(1, end)
        tale.row(1, 1)
        #expect(tale.kinds().contains(.phantom))
    }

    @Test func `a row accepted before its request was sent, or after it was told, is a phantom`() {
        for moment in [50, 150] as [Int64] {
            var tale = Tale()
            tale.ask(1, .told(.accepted(sequence: 1)))
            tale.row(1, 1, at: moment)
            #expect(tale.kinds().contains(.phantom))
        }
    }

    @Test func `a call of unknown fate may be accepted later than its client waited`() {
        var tale = Tale()
        tale.ask(1, .failed(nil, .unknown))
        tale.ask(1, try: 1, from: 200, to: 210, .told(.soldOut))
        tale.row(1, 1, at: 150)
        #expect(!tale.kinds().contains(.phantom))
    }

    @Test func `a call of unknown fate is not accepted after its deadline`() {
        var tale = Tale()
        tale.ask(1, deadline: 1_000, .failed(nil, .unknown))
        tale.ask(1, try: 1, from: 1_200, to: 1_210, .told(.soldOut))
        tale.row(1, 1, at: 1_151)
        #expect(tale.kinds().contains(.phantom))
        tale.history.disturbances = [1: [Interval(from: .at(0), to: .at(200))]]
        #expect(!tale.kinds().contains(.phantom), "it may have stood in the daemon's socket")
        tale.history.disturbances = [:]
        tale.history.stalls = [Interval(from: .at(400), to: .at(401))]
        #expect(!tale.kinds().contains(.phantom), "the whole machine may have stood")
    }

    @Test func `told REJECTED, and issued: a phantom; without a rejection: lost`() {
        var tale = Tale()
        tale.checker.mayReject = true
        tale.ask(1, .told(.rejected(sequence: 1, reason: .deadLetter)))
        #expect(tale.kinds().contains(.lost))
        tale.row(1, 1)
        #expect(tale.kinds().contains(.phantom))
        tale.tables.issues = []
        tale.rejection(1, 1)
        #expect(tale.kinds().isEmpty)
    }

    @Test func `two sequences for one request are a changed answer`() {
        var tale = Tale()
        tale.win(1, 1)
        tale.ask(1, try: 1, from: 200, to: 210, .told(.accepted(sequence: 2)))
        #expect(tale.kinds().contains(.changedAnswer))
    }

    @Test(arguments: [
        Outcome.soldOut, .duplicate(sequence: 1, state: .queued), .ended, .notFound,
    ])
    func `a retry that is refused after it was accepted is a changed answer`(outcome: Outcome) {
        var tale = Tale()
        tale.win(1, 1)
        tale.ask(1, try: 1, from: 200, to: 210, .told(outcome))
        #expect(tale.kinds().contains(.changedAnswer))
    }

    @Test func `a bounce knows no holders: a first try may be told SOLD_OUT`() {
        var tale = Tale(total: 1)
        tale.win(1, 1)
        tale.ask(1, from: 200, to: 210, .told(.soldOut))
        #expect(tale.found().isEmpty)
    }

    @Test func `two answers swapped are wrong sequences`() {
        var tale = Tale()
        tale.ask(1, .told(.accepted(sequence: 2)))
        tale.ask(2, .told(.accepted(sequence: 1)))
        tale.row(1, 1)
        tale.row(2, 2)
        #expect(tale.found().count { $0.kind == .wrongSequence } == 2)
    }

    @Test(arguments: [Outcome.notOpen(opens: .at(0)), .ended, .paused, .closed, .notFound])
    func `refused for a reason that is not there`(outcome: Outcome) {
        var tale = Tale(total: 1)
        tale.win(1, 1)
        tale.ask(2, .told(outcome))
        #expect(tale.kinds() == [.wrongRefusal])
    }

    @Test func `a request that no call answered is told`() {
        var tale = Tale(total: 1)
        tale.win(1, 1)
        tale.ask(2, .failed(.unavailable, .notAccepted))
        #expect(tale.kinds() == [.unanswered])
    }
}
