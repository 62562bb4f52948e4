import CouponCore
import HistoryChecker
import Testing

/// What concerns several users, or all.
@Suite struct WholeTests {
    @Test func `more issued than there are, at the end or at any look`() {
        var tale = Tale(total: 1)
        tale.win(1, 1)
        tale.history.readings = [Reading(at: .at(105), coupon: coupon, rows: 1, issued: 2)]
        #expect(tale.kinds() == [.overIssue])
        tale.history.readings = []
        #expect(tale.kinds().isEmpty)
        tale.win(2, 2)
        #expect(tale.kinds() == [.overIssue])
    }

    @Test func `a user has two rows`() {
        var tale = Tale(total: 2)
        tale.win(1, 1)
        tale.row(1, 2)
        #expect(tale.kinds() == [.duplicate])
    }

    @Test func `two issues have one sequence`() {
        var tale = Tale(total: 2)
        tale.win(1, 1)
        tale.win(2, 1)
        #expect(tale.kinds().contains(.repeatedSequence))
    }

    @Test func `answered before another asked, and behind it`() {
        var tale = Tale(total: 2)
        tale.win(1, 2)
        tale.win(2, 1, from: 111, to: 120)
        #expect(tale.found().map(\.users) == [[UserID(1), UserID(2)]])
        #expect(tale.kinds() == [.overtaken])
    }

    @Test func `two who ask at once may come in any order, and so may two epochs`() {
        var tale = Tale(total: 2)
        tale.win(1, 2)
        tale.win(2, 1, from: 110, to: 120)
        #expect(tale.found().isEmpty)
        tale = Tale(total: 2)
        tale.win(1, 2)
        tale.win(2, 1, from: 130, to: 140)
        tale.lose(.redis, from: 112, to: 120)
        #expect(tale.found().isEmpty)
    }

    @Test func `stock is left, and somebody went without`() {
        var tale = Tale(total: 2)
        tale.win(1, 1)
        tale.ask(2, from: 200, to: 210, .told(.soldOut))
        #expect(tale.kinds() == [.unsold])
        tale.checker.mayReject = true
        tale.tables.deadLetters = [
            .init(coupon: coupon, user: UserID(1), sequence: 2, requestID: request(1))
        ]
        #expect(!tale.kinds().contains(.unsold), "a dead letter holds its slot")
    }

    @Test func `told SOLD_OUT before the last one was accepted`() {
        var tale = Tale(total: 1)
        tale.win(1, 1, from: 150, to: 160)
        tale.ask(2, .told(.soldOut))
        #expect(tale.kinds() == [.wrongRefusal])
    }

    @Test func `an unlimited coupon is never sold out`() {
        var tale = Tale(total: nil)
        tale.win(1, 1)
        tale.ask(2, .told(.soldOut))
        #expect(tale.kinds() == [.wrongRefusal, .unsold])
    }

    @Test func `accepted and then rejected, though nobody touched the tables`() {
        var tale = Tale()
        tale.ask(1, .told(.accepted(sequence: 1)))
        tale.rejection(1, 1)
        #expect(tale.kinds() == [.rejected])
        tale.checker.mayReject = true
        #expect(tale.kinds().isEmpty)
    }

    @Test func `an answer is late from the fifty-first millisecond after its deadline`() {
        var tale = Tale(total: 1)
        tale.ask(1, from: 0, to: 1_050, deadline: 1_000, .told(.accepted(sequence: 1)))
        tale.row(1, 1, at: 500)
        #expect(tale.kinds().isEmpty)
        tale.ask(2, from: 1_100, to: 2_151, deadline: 1_000, .told(.soldOut))
        #expect(tale.kinds() == [.late])
        tale.history.stalls = [Interval(from: .at(1_500), to: .at(1_501))]
        #expect(tale.kinds().isEmpty, "the client itself was held up for so long")
        tale.history.stalls = []
        tale.checker.toleranceMilliseconds = 1
        #expect(tale.kinds().isEmpty)
        tale.checker.toleranceMilliseconds = 0
        tale.history.disturbances = [1: [Interval(from: .at(1_200), to: .at(1_300))]]
        #expect(tale.kinds().isEmpty, "its daemon stood still")
        tale.history.disturbances = [2: [Interval(from: .at(1_200), to: .at(1_300))]]
        #expect(tale.kinds() == [.late], "another daemon's fate is no excuse")
    }
}

/// Gate, queue and tables at the end.
@Suite struct AccountTests {
    @Test(arguments: [
        Tables.Record(used: 2, queued: 0, nextSequence: 2),
        Tables.Record(used: 0, queued: 0, nextSequence: 2),
        Tables.Record(used: 1, queued: 1, nextSequence: 2),
        Tables.Record(used: 1, queued: 0, nextSequence: 3),
        Tables.Record(used: 1, queued: 0, nextSequence: 1),
    ])
    func `a gate that counts otherwise than the tables`(record: Tables.Record) {
        var tale = Tale(total: nil)
        tale.win(1, 1)
        #expect(tale.kinds(record: .init(used: 1, queued: 0, nextSequence: 2)).isEmpty)
        #expect(tale.kinds(record: record) == [.accounts])
    }

    @Test func `a loss leaves holes in the numbers, never in the slots`() {
        var tale = Tale(total: nil)
        tale.win(1, 1)
        tale.lose(.redis, from: 200, to: 201)
        #expect(tale.kinds(record: .init(used: 1, queued: 0, nextSequence: 3)).isEmpty)
        #expect(tale.kinds(record: .init(used: 2, queued: 0, nextSequence: 3)) == [.accounts])
    }

    @Test func `a coupon that counts otherwise than its rows`() {
        var tale = Tale(total: nil)
        tale.win(1, 1)
        #expect(tale.kinds(issued: 0) == [.accounts])
    }

    @Test func `without a record the numbers themselves must have no hole`() {
        var tale = Tale(total: nil)
        tale.win(1, 2)
        #expect(tale.kinds() == [.accounts])
    }

    @Test func `a partition at rest has an open gate that knows every commit`() {
        let settled = Position(epoch: 2, n: 5)
        let good = Tables.Gate(isOpen: true, epoch: 2, settled: settled, entries: 0)
        let bad: [Tables.Gate?] = [
            nil, .init(isOpen: false, epoch: 2, settled: settled, entries: 0),
            .init(isOpen: true, epoch: 1, settled: settled, entries: 0),
            .init(isOpen: true, epoch: 2, settled: Position(epoch: 2, n: 4), entries: 0),
            .init(isOpen: true, epoch: 2, settled: settled, entries: 1),
        ]
        for gate in [good] + bad {
            var tale = Tale(total: 1)
            tale.tables.partitions = [
                .init(id: PartitionID(3), epoch: 2, cursor: settled, gate: gate)
            ]
            let isGood = gate.map { $0.isOpen && $0.epoch == 2 && $0.entries == 0 } ?? false
            #expect(tale.kinds() == (isGood && gate?.settled == settled ? [] : [.accounts]))
        }
    }
}
