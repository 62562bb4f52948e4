/// Which waiters get ISSUED, and about which PostgreSQL is asked (rules 35 and 36).
import Testing

@testable import CouponCore

private func at(_ epoch: Epoch, _ n: Int64) -> Position { Position(epoch: epoch, n: n) }

private let acceptance = Timestamp(microseconds: 70)

private func waiter(_ ticket: UInt64, _ epoch: Epoch, _ n: Int64) -> WaitList.Waiter {
    WaitList.Waiter(
        ticket: ticket,
        accepted: AcceptedRequest(
            coupon: CouponID(1), user: UserID(Int64(ticket)), sequence: Int64(ticket),
            requestID: name(ticket)), position: at(epoch, n), judgedAt: acceptance)
}

private let issueTime = Timestamp(microseconds: 77)

private func event(
    _ from: Position, _ to: Position, epoch: Epoch = 1, resolve: Bool = false,
    rejected: [Int64] = [], publishedAt: Timestamp = issueTime
) -> CompletionEvent {
    CompletionEvent(
        partition: PartitionID(0), epoch: epoch, from: from, to: to, publishedAt: publishedAt,
        issuedAt: issueTime, resolve: resolve, coupons: [],
        rejections: rejected.map {
            .init(coupon: CouponID(1), sequence: $0, reason: .alreadyIssued)
        })
}

private func issued(_ ticket: UInt64) -> WaitList.Answer {
    WaitList.Answer(ticket: ticket, outcome: .issued(sequence: Int64(ticket), at: issueTime))
}

extension WaitList {
    /// The tickets to ask PostgreSQL about.
    fileprivate mutating func ask(limit: Int = 1_000) -> [UInt64] {
        dequeueQuestions(limit: limit).map { UInt64($0.user.rawValue) }
    }

    /// PostgreSQL has decided none of the `count` questions.
    fileprivate mutating func decideNothing(_ count: Int, cursor: Position) -> [Answer] {
        apply(Decisions(cursor: cursor, standings: Array(repeating: nil, count: count)))
    }
}

/// A list that got a heartbeat: settled up to (1, 0).
private func listening() -> WaitList {
    var list = WaitList()
    _ = list.receive(event(at(1, 0), at(1, 0)))
    return list
}

@Suite struct WaitListTests {
    @Test func `an event answers the waiters that it covers, in order, and no others`() {
        var list = listening()
        for (ticket, n) in [(1, 1), (2, 1), (3, 2), (4, 3)] as [(UInt64, Int64)] {
            list.register(waiter(ticket, 1, n), isReplay: false)
        }
        #expect(list.ask() == [])
        let answers = list.receive(event(at(1, 0), at(1, 2), rejected: [2]))
        #expect(
            answers == [
                issued(1),
                WaitList.Answer(
                    ticket: 2, outcome: .rejected(sequence: 2, reason: .alreadyIssued)),
                issued(3),
            ])
        #expect(list.count == 1)
        #expect(list.receive(event(at(1, 2), at(1, 3))) == [issued(4)])
        #expect(list.count == 0)
    }

    @Test func `an event from before the acceptance answers no waiter`() {
        var list = listening()
        list.register(waiter(1, 1, 1), isReplay: false)
        let earlier = Timestamp(microseconds: 69)
        #expect(list.receive(event(at(1, 0), at(1, 1), publishedAt: earlier)) == [])
        #expect(list.ask() == [1])
    }

    @Test func `after a lost event the next one answers no waiter with ISSUED`() {
        var list = listening()
        list.register(waiter(1, 1, 1), isReplay: false)
        list.register(waiter(2, 1, 2), isReplay: false)
        list.register(waiter(3, 1, 3), isReplay: false)
        #expect(list.receive(event(at(1, 1), at(1, 2))) == [], "(1, 0) to (1, 1) was lost")
        #expect(list.ask() == [1, 2])
        #expect(list.receive(event(at(1, 2), at(1, 3))) == [issued(3)], "the chain holds again")
    }

    @Test func `an event that overtook the reply does not answer it`() {
        var list = listening()
        #expect(list.receive(event(at(1, 0), at(1, 1))) == [])
        list.register(waiter(1, 1, 1), isReplay: false)
        #expect(list.ask() == [1])
        #expect(list.receive(event(at(1, 1), at(1, 2))) == [])
    }

    @Test func `a commit of a later epoch says nothing of an earlier one`() {
        var list = listening()
        list.register(waiter(1, 1, 1), isReplay: false)
        #expect(list.receive(event(at(1, 0), at(2, 0), epoch: 2)) == [])
        #expect(list.receive(event(at(2, 0), at(2, 1), epoch: 2)) == [])
        #expect(list.ask() == [1])
        let lost = list.decideNothing(1, cursor: at(2, 1))
        #expect(lost == [WaitList.Answer(ticket: 1, outcome: nil)])
    }

    @Test func `no waiter is given up as lost before the cursor has passed it`() {
        var list = listening()
        list.register(waiter(1, 1, 5), isReplay: false)
        _ = list.receive(event(at(1, 0), at(1, 0), epoch: 2))
        #expect(list.ask() == [1])
        #expect(list.decideNothing(1, cursor: at(1, 4)) == [])
        #expect(list.count == 1)
        #expect(list.ask() == [])
        #expect(list.receive(event(at(1, 4), at(2, 0), epoch: 2)) == [])
        #expect(list.ask() == [1])
        #expect(
            list.decideNothing(1, cursor: at(2, 0))
                == [WaitList.Answer(ticket: 1, outcome: nil)])
    }

    @Test func `an event from before the registration answers no waiter`() {
        var list = WaitList()
        list.register(waiter(1, 1, 1), isReplay: false)
        #expect(list.receive(event(at(1, 0), at(1, 1))) == [], "no event came before it")
        #expect(list.ask() == [1])
    }

    @Test func `an event that repeats a settle answers no waiter`() {
        var list = listening()
        list.register(waiter(1, 1, 1), isReplay: false)
        list.register(waiter(2, 1, 2), isReplay: false)
        #expect(list.receive(event(at(1, 0), at(1, 1), resolve: true)) == [])
        #expect(list.ask() == [1])
        #expect(list.receive(event(at(1, 1), at(1, 2))) == [issued(2)])
    }

    @Test func `a heartbeat ahead of what was seen is a gap`() {
        var list = listening()
        list.register(waiter(1, 1, 1), isReplay: false)
        #expect(list.receive(event(at(1, 1), at(1, 1))) == [])
        #expect(list.ask() == [1])
    }

    @Test func `PostgreSQL is asked about a replay, which may be decided already`() {
        var list = listening()
        list.register(waiter(1, 1, 1), isReplay: true)
        #expect(list.ask() == [1])
        let standing = UserStanding.issued(sequence: 1, requestID: name(1), at: issueTime)
        #expect(
            list.apply(Decisions(cursor: at(1, 1), standings: [standing])) == [issued(1)])
    }

    @Test func `each waiter gets the answer of its row in PostgreSQL`() {
        var list = WaitList()
        for ticket in 1...4 { list.register(waiter(UInt64(ticket), 1, 1), isReplay: false) }
        #expect(list.ask() == [1, 2, 3, 4])
        let answers = list.apply(
            Decisions(
                cursor: at(1, 1),
                standings: [
                    .issued(sequence: 1, requestID: name(1), at: issueTime),
                    .issued(sequence: 9, requestID: name(8), at: issueTime),
                    .rejected(sequence: 3, requestID: name(3), reason: .soldOut), nil,
                ]))
        #expect(
            answers.map(\.outcome) == [
                .issued(sequence: 1, at: issueTime), .duplicate(sequence: 9, state: .issued),
                .rejected(sequence: 3, reason: .soldOut), nil,
            ])
        #expect(list.count == 0)
    }

    @Test func `a row counts even if the cursor is behind it`() {
        var list = WaitList()
        list.register(waiter(1, 1, 5), isReplay: false)
        #expect(list.ask() == [1])
        let standing = UserStanding.issued(sequence: 1, requestID: name(1), at: issueTime)
        #expect(
            list.apply(Decisions(cursor: at(1, 1), standings: [standing])) == [issued(1)])
    }

    @Test func `one question at a time, and while PostgreSQL is away one each second`() {
        var list = WaitList()
        list.register(waiter(1, 1, 1), isReplay: false)
        #expect(list.ask() == [1])
        list.register(waiter(2, 1, 2), isReplay: false)
        list.askAgain()
        #expect(list.ask() == [], "the first is not answered")
        #expect(list.apply(nil) == [])
        #expect(list.ask() == [2], "the first waits for the next second")
        #expect(list.apply(nil) == [])
        #expect(list.ask() == [])
        list.askAgain()
        #expect(Set(list.ask()) == [1, 2])
        #expect(list.decideNothing(2, cursor: at(1, 2)).count == 2)
    }

    @Test func `an answer of the wrong length is ignored`() {
        var list = WaitList()
        list.register(waiter(1, 1, 1), isReplay: false)
        #expect(list.ask() == [1])
        #expect(list.decideNothing(0, cursor: at(9, 9)) == [])
        #expect(list.count == 1)
    }

    @Test func `if one question does not hold all undecided waiters, each is asked about once`() {
        var list = WaitList()
        for ticket in 1...25 {
            list.register(waiter(UInt64(ticket), 1, Int64(ticket)), isReplay: false)
        }
        var asked: [UInt64] = []
        for _ in 0..<10 {
            let questions = list.ask(limit: 10)
            asked += questions
            if !questions.isEmpty {
                #expect(list.decideNothing(questions.count, cursor: .zero) == [])
            }
        }
        #expect(asked == Array(1...25))
        #expect(list.count == 25)
    }

    @Test func `an event during a question repeats the question`() {
        var list = listening()
        list.register(waiter(1, 1, 1), isReplay: true)
        #expect(list.ask() == [1])
        #expect(list.receive(event(at(1, 0), at(1, 1))) == [])
        #expect(list.decideNothing(1, cursor: at(1, 0)) == [], "read before that commit")
        #expect(list.ask() == [1])
        #expect(list.decideNothing(1, cursor: at(1, 0)) == [])
        #expect(list.ask() == [], "a PostgreSQL that went back is not asked again and again")
    }

    @Test
    func `waiters that PostgreSQL had not decided are answered by the next event, in any order`() {
        var list = listening()
        list.register(waiter(1, 1, 1), isReplay: true)
        list.register(waiter(2, 1, 2), isReplay: true)
        #expect(list.ask() == [1, 2])
        list.register(waiter(3, 1, 3), isReplay: false)
        #expect(list.decideNothing(2, cursor: at(1, 0)) == [])
        #expect(list.receive(event(at(1, 0), at(1, 2))) == [issued(1), issued(2)])
        #expect(list.receive(event(at(1, 2), at(1, 3))) == [issued(3)])
    }

    @Test func `waiters that register out of order are answered`() {
        var list = listening()
        for n in [3, 1, 2] { list.register(waiter(UInt64(n), 1, Int64(n)), isReplay: false) }
        #expect(list.receive(event(at(1, 0), at(1, 2))) == [issued(1), issued(2)])
        #expect(list.receive(event(at(1, 2), at(1, 3))) == [issued(3)])
    }

    @Test func `a broken subscription covers no waiter`() {
        var list = listening()
        list.register(waiter(1, 1, 1), isReplay: false)
        list.loseTrack()
        #expect(list.ask() == [1])
        #expect(list.decideNothing(1, cursor: at(1, 0)) == [])
        #expect(list.receive(event(at(1, 0), at(1, 1))) == [], "whatever came before it")
        #expect(list.ask() == [1])
    }

    @Test
    func `a waiter in a question during a break is not covered by later events`() {
        var list = listening()
        list.register(waiter(1, 1, 1), isReplay: true)
        #expect(list.ask() == [1])
        list.loseTrack()
        _ = list.receive(event(at(1, 5), at(1, 5)))
        #expect(list.decideNothing(1, cursor: at(1, 0)) == [])
        #expect(list.receive(event(at(1, 5), at(1, 6))) == [])
        #expect(list.ask() == [1])
    }

    @Test func `events of earlier epochs are ignored`() {
        var list = WaitList()
        _ = list.receive(event(at(2, 0), at(2, 0), epoch: 2))
        list.register(waiter(1, 2, 1), isReplay: false)
        #expect(list.receive(event(at(1, 0), at(2, 1), epoch: 1)) == [])
        #expect(list.receive(event(at(2, 0), at(2, 1), epoch: 2)) == [issued(1)])
    }

    @Test func `PostgreSQL is asked about entries of an earlier epoch that are drained later`() {
        var list = listening()
        list.register(waiter(1, 1, 1), isReplay: false)
        _ = list.receive(event(at(1, 0), at(1, 0), epoch: 2))
        list.register(waiter(2, 2, 1), isReplay: false)
        #expect(list.ask() == [1])
        #expect(list.decideNothing(1, cursor: at(1, 0)) == [])
        #expect(list.receive(event(at(1, 0), at(1, 1), epoch: 2)) == [])
        #expect(list.ask() == [1])
        let standing = UserStanding.issued(sequence: 1, requestID: name(1), at: issueTime)
        #expect(
            list.apply(Decisions(cursor: at(1, 1), standings: [standing])) == [issued(1)])
        #expect(list.receive(event(at(1, 1), at(2, 0), epoch: 2)) == [])
        #expect(list.receive(event(at(2, 0), at(2, 1), epoch: 2)) == [issued(2)])
    }

    @Test func `unwanted waiters are dropped in every list`() {
        var list = listening()
        list.register(waiter(1, 1, 1), isReplay: false)
        list.register(waiter(2, 1, 1), isReplay: false)
        list.register(waiter(3, 1, 1), isReplay: true)
        #expect(list.ask() == [3])
        list.loseTrack()
        #expect(list.apply(nil) == [])
        list.keep { $0 == 2 }
        #expect(list.count == 1)
        list.askAgain()
        #expect(list.ask() == [2])
    }
}
