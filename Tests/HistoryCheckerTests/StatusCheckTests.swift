import CouponCore
import HistoryChecker
import Testing

/// Statuses compared with the tables and with earlier answers.
@Suite struct StatusCheckTests {
    private static let issued = UserStatus.issued(sequence: 1, at: .millisecond(105))

    /// User 1 is accepted between 100 and 110, and its row says so.
    private func sale(_ end: Call.End = .answered(.accepted(sequence: 1))) -> SampleHistory {
        var sample = SampleHistory(total: nil)
        sample.ask(1, end)
        sample.row(1, 1)
        return sample
    }

    @Test func `statuses that follow a request have no breach`() {
        var sample = sale(.answered(Self.issued.outcome))
        sample.status(1, from: 90, to: 95, .none)
        sample.status(1, from: 101, to: 106, .queued(sequence: 1))
        sample.status(1, from: 112, to: 118, Self.issued)
        sample.status(1, atRest: true, Self.issued)
        sample.status(2, atRest: true, .none)
        #expect(sample.found().isEmpty)
    }

    @Test(arguments: [
        UserStatus.queued(sequence: 2), .issued(sequence: 2, at: .millisecond(105)),
        .rejected(sequence: 2, reason: .soldOut),
    ])
    func `a status that no row explains is a breach`(status: UserStatus) {
        var sample = sale()
        sample.status(1, status)
        #expect(sample.kinds() == [.wrongStatus])
    }

    @Test func `NONE after an acceptance is a breach, unless Redis lost it`() {
        var sample = sale()
        sample.status(1, .none)
        #expect(sample.kinds() == [.wrongStatus])
        sample.lose(.redis, from: 150, to: 160)
        #expect(sample.found().isEmpty)
        sample.history.losses = []
        sample.lose(.redis, from: 300, to: 310)
        #expect(sample.kinds() == [.wrongStatus], "a later loss excuses nothing")
    }

    @Test func `a row alone shows that its user was accepted before`() {
        var sample = sale(.failed(nil, .unknown))
        sample.ask(1, try: 1, from: 300, to: 310, .answered(.accepted(sequence: 1)))
        sample.status(1, .none)
        #expect(sample.kinds() == [.wrongStatus])
    }

    @Test(arguments: [UserStatus.none, .queued(sequence: 1)])
    func `a status after ISSUED says ISSUED, unless PostgreSQL lost it`(status: UserStatus) {
        var sample = sale(.answered(Self.issued.outcome))
        sample.status(1, status)
        #expect(sample.kinds() == [.wrongStatus])
        sample.lose(.redis, from: 150, to: 160)
        #expect(sample.kinds() == [.wrongStatus], "Redis has no say in what is issued")
        sample.lose(.postgres, from: 150, to: 160)
        #expect(sample.found().isEmpty)
    }

    @Test func `a status after a status that said ISSUED says ISSUED`() {
        var sample = sale()
        sample.status(1, from: 120, to: 125, Self.issued)
        sample.status(1, .queued(sequence: 1))
        #expect(sample.kinds() == [.wrongStatus])
    }

    @Test(arguments: [UserStatus.none, .queued(sequence: 1)])
    func `at rest, a user with a row is ISSUED`(status: UserStatus) {
        var sample = sale()
        sample.lose(.redis, from: 150, to: 160)
        sample.status(1, atRest: true, status)
        #expect(sample.kinds() == [.wrongStatus])
    }

    @Test func `a queued request that Redis lost need not have been decided`() {
        var sample = SampleHistory(total: nil)
        sample.ask(1, .failed(nil, .unknown))
        sample.ask(1, try: 1, from: 400, to: 410, .answered(.accepted(sequence: 7)))
        sample.row(1, 7, at: 405)
        sample.status(1, .queued(sequence: 1))
        #expect(sample.kinds().contains(.wrongStatus))
        sample.lose(.redis, from: 300, to: 310)
        #expect(sample.found().isEmpty)
    }
}

extension UserStatus {
    /// The outcome of an issue request that says the same as this status.
    fileprivate var outcome: Outcome {
        if case .issued(let sequence, let at) = self {
            .issued(sequence: sequence, at: at)
        } else {
            .soldOut
        }
    }
}
