/// What a daemon knows of the gates (rules 8 and 15).
import CoreTestKit
import CouponCore
import Testing

private let partition = PartitionID(1)
private let here = RedisIdentity(runID: "r", replicationID: "h")
private let there = RedisIdentity(runID: "q", replicationID: "h")

private func row(
    _ epoch: Epoch, cursor: Position = .zero, identity: RedisIdentity? = here,
    id: PartitionID = partition
) -> PartitionRow {
    PartitionRow(id: id, epoch: epoch, cursor: cursor, identity: identity, installID: "i")
}

@Suite struct PartitionBookTests {
    @Test func `nothing is served before PostgreSQL was read`() {
        var book = PartitionBook(partitioning: Partitioning(count: 2))
        #expect(!book.isServed(partition, by: here))
        _ = book.apply(row(1, identity: nil))
        #expect(!book.isServed(partition, by: here))
        _ = book.apply(row(2))
        #expect(book.isServed(partition, by: here))
        #expect(!book.isServed(partition, by: there))
        #expect(book.epoch(of: partition) == 2)
    }

    @Test func `the latest row counts, even if PostgreSQL went back and gave an epoch twice`() {
        var book = PartitionBook(partitioning: Partitioning(count: 2))
        _ = book.apply(row(3))
        _ = book.apply(row(2))
        #expect(book.epoch(of: partition) == 2)
        _ = book.apply(row(3, identity: there))
        #expect(book.epoch(of: partition) == 3)
        #expect(book.isServed(partition, by: there))
    }

    @Test
    func `the floor is the highest position seen in the epoch, and starts again with the next`() {
        var book = PartitionBook(partitioning: Partitioning(count: 2))
        _ = book.apply(row(1, cursor: Position(epoch: 1, n: 4)))
        #expect(book.floor(of: partition) == 4)
        book.see(Position(epoch: 1, n: 9), in: partition)
        book.see(Position(epoch: 1, n: 7), in: partition)
        book.see(Position(epoch: 2, n: 50), in: partition)
        _ = book.apply(row(1, cursor: Position(epoch: 1, n: 8)))
        #expect(book.floor(of: partition) == 9)
        _ = book.apply(row(2, cursor: Position(epoch: 1, n: 9)))
        #expect(book.floor(of: partition) == 0)
    }

    @Test
    func `a gate is open if PostgreSQL and an open gate have the same epoch, in either order`() {
        var book = PartitionBook(partitioning: Partitioning(count: 2))
        _ = book.apply(row(3))
        #expect(!book.isOpen(partition, by: here))
        book.seeOpen(3, in: partition)
        #expect(book.isOpen(partition, by: here))
        #expect(!book.isOpen(partition, by: there))
        book.seeOpen(5, in: partition)
        _ = book.apply(row(4))
        #expect(!book.isOpen(partition, by: here))
        _ = book.apply(row(5))
        #expect(book.isOpen(partition, by: here))
    }

    @Test func `a partition that the book does not have is ignored`() {
        var book = PartitionBook(partitioning: Partitioning(count: 2))
        _ = book.apply(row(1, id: PartitionID(2)))
    }

    @Test func `marks of an epoch do not count if PostgreSQL gives it out again`() {
        let stage = WorkerStage()
        func ask(user: Int64, _ verdict: GateVerdict, _ door: Door, rev: Int64) -> UInt64 {
            let request = stage.issue(user: user)
            stage.rest()
            if !stage.gate.calls.isEmpty { stage.reply([verdict], door: door, rev: rev, epoch: 2) }
            return request
        }
        stage.read(epoch: 2)
        _ = ask(user: 1, .soldOut, .closed(.full), rev: 9)
        #expect(stage.outcome(stage.issue(user: 2)) == .soldOut, "the mark counts")
        stage.gate.become(there)
        stage.read(epoch: 2, identity: there)
        let accepted = GateVerdict.accepted(sequence: 1, position: Position(epoch: 2, n: 1))
        #expect(
            stage.outcome(ask(user: 3, accepted, .open, rev: 3)) == .accepted(sequence: 1))
        #expect(
            stage.outcome(ask(user: 4, .soldOut, .closed(.full), rev: 4)) == .soldOut)
        #expect(stage.outcome(stage.issue(user: 5)) == .soldOut, "and so do marks of its new gate")
    }
}
