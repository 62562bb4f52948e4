import CouponCore
import HistoryChecker
import Testing

/// Gate, queue and tables at the end.
@Suite struct AccountTests {
    @Test(arguments: [
        Tables.Record(used: 2, queued: 0, nextSequence: 2),
        Tables.Record(used: 0, queued: 0, nextSequence: 2),
        Tables.Record(used: 1, queued: 1, nextSequence: 2),
        Tables.Record(used: 1, queued: 0, nextSequence: 3),
        Tables.Record(used: 1, queued: 0, nextSequence: 1),
    ])
    func `a gate whose counters differ from the tables is found`(record: Tables.Record) {
        var sample = SampleHistory(total: nil)
        sample.win(1, 1)
        #expect(sample.kinds(record: .init(used: 1, queued: 0, nextSequence: 2)).isEmpty)
        #expect(sample.kinds(record: record) == [.accounts])
    }

    @Test func `a loss may leave gaps in the sequences, but not in the slots`() {
        var sample = SampleHistory(total: nil)
        sample.win(1, 1)
        sample.lose(.redis, from: 200, to: 201)
        #expect(sample.kinds(record: .init(used: 1, queued: 0, nextSequence: 3)).isEmpty)
        #expect(sample.kinds(record: .init(used: 2, queued: 0, nextSequence: 3)) == [.accounts])
    }

    @Test func `a coupon whose count differs from its rows is found`() {
        var sample = SampleHistory(total: nil)
        sample.win(1, 1)
        #expect(sample.kinds(issued: 0) == [.accounts])
    }

    @Test func `without a record the sequences must have no gap`() {
        var sample = SampleHistory(total: nil)
        sample.win(1, 2)
        #expect(sample.kinds() == [.accounts])
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
            var sample = SampleHistory(total: 1)
            sample.tables.partitions = [
                .init(id: PartitionID(3), epoch: 2, cursor: settled, gate: gate)
            ]
            let isGood = gate.map { $0.isOpen && $0.epoch == 2 && $0.entries == 0 } ?? false
            #expect(sample.kinds() == (isGood && gate?.settled == settled ? [] : [.accounts]))
        }
    }
}
