import CouponCore
import HistoryChecker
import Testing

/// Breaches that concern several users, or all.
@Suite struct WholeHistoryTests {
    @Test func `more issues than the total, at the end or in any reading, are over-issue`() {
        var sample = SampleHistory(total: 1)
        sample.win(1, 1)
        sample.history.readings = [
            Reading(at: .millisecond(105), coupon: SampleHistory.coupon, rows: 1, issued: 2)
        ]
        #expect(sample.kinds() == [.overIssue])
        sample.history.readings = []
        #expect(sample.kinds().isEmpty)
        sample.win(2, 2)
        #expect(sample.kinds() == [.overIssue])
    }

    @Test func `two rows of one user are a duplicate`() {
        var sample = SampleHistory(total: 2)
        sample.win(1, 1)
        sample.row(1, 2)
        #expect(sample.kinds() == [.duplicate])
    }

    @Test func `two issues with one sequence are a repeated sequence`() {
        var sample = SampleHistory(total: 2)
        sample.win(1, 1)
        sample.win(2, 1)
        #expect(sample.kinds().contains(.repeatedSequence))
    }

    @Test func `a request answered before another was sent must have the lower sequence`() {
        var sample = SampleHistory(total: 2)
        sample.win(1, 2)
        sample.win(2, 1, from: 111, to: 120)
        #expect(sample.found().map(\.users) == [[UserID(1), UserID(2)]])
        #expect(sample.kinds() == [.overtaken])
    }

    @Test func `concurrent requests may have any order, and so may two epochs`() {
        var sample = SampleHistory(total: 2)
        sample.win(1, 2)
        sample.win(2, 1, from: 110, to: 120)
        #expect(sample.found().isEmpty)
        sample = SampleHistory(total: 2)
        sample.win(1, 2)
        sample.win(2, 1, from: 130, to: 140)
        sample.lose(.redis, from: 112, to: 120)
        #expect(sample.found().isEmpty)
    }

    @Test func `stock that is left beside a user without an issue is unsold`() {
        var sample = SampleHistory(total: 2)
        sample.win(1, 1)
        sample.ask(2, from: 200, to: 210, .answered(.soldOut))
        #expect(sample.kinds() == [.unsold])
        sample.checker.mayReject = true
        sample.tables.deadLetters = [
            .init(
                coupon: SampleHistory.coupon, user: UserID(1), sequence: 2, requestID: requestID(1))
        ]
        #expect(!sample.kinds().contains(.unsold), "a dead letter holds its slot")
    }

    @Test func `SOLD_OUT before the last unit was accepted is a wrong refusal`() {
        var sample = SampleHistory(total: 1)
        sample.win(1, 1, from: 150, to: 160)
        sample.ask(2, .answered(.soldOut))
        #expect(sample.kinds() == [.wrongRefusal])
    }

    @Test func `an unlimited coupon is never sold out`() {
        var sample = SampleHistory(total: nil)
        sample.win(1, 1)
        sample.ask(2, .answered(.soldOut))
        #expect(sample.kinds() == [.wrongRefusal, .unsold])
    }

    @Test func `an accepted request must not be rejected`() {
        var sample = SampleHistory()
        sample.ask(1, .answered(.accepted(sequence: 1)))
        sample.rejection(1, 1)
        #expect(sample.kinds() == [.rejected])
        sample.checker.mayReject = true
        #expect(sample.kinds().isEmpty)
    }

    @Test func `an answer is late from the fifty-first millisecond after its deadline`() {
        var sample = SampleHistory(total: 1)
        sample.ask(1, from: 0, to: 1_050, deadline: 1_000, .answered(.accepted(sequence: 1)))
        sample.row(1, 1, at: 500)
        #expect(sample.kinds().isEmpty)
        sample.ask(2, from: 1_100, to: 2_151, deadline: 1_000, .answered(.soldOut))
        #expect(sample.kinds() == [.late])
        sample.history.stalls = [Interval(from: .millisecond(1_500), to: .millisecond(1_501))]
        #expect(sample.kinds().isEmpty, "the client itself was stalled for as long")
        sample.history.stalls = []
        sample.checker.toleranceMilliseconds = 1
        #expect(sample.kinds().isEmpty)
        sample.checker.toleranceMilliseconds = 0
        sample.history.disturbances = [
            1: [Interval(from: .millisecond(1_200), to: .millisecond(1_300))]
        ]
        #expect(sample.kinds().isEmpty, "its daemon was stopped")
        sample.history.disturbances = [
            2: [Interval(from: .millisecond(1_200), to: .millisecond(1_300))]
        ]
        #expect(sample.kinds() == [.late], "another daemon's disturbance is no excuse")
    }
}
