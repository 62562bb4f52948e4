/// Which partitions wait for a later row of PostgreSQL (rule 15).
import Testing

@testable import CouponCore

private func row(_ id: Int, _ epoch: Epoch) -> PartitionRow {
    PartitionRow(
        id: PartitionID(id), epoch: epoch, cursor: .zero,
        identity: RedisIdentity(runID: "r", replicationID: "h"), installID: "i")
}

@Suite struct AwaitedEpochsTests {
    @Test func `rows end the wait, and show which gates are ahead of PostgreSQL`() {
        var book = PartitionBook(partitioning: Partitioning(count: 3))
        var awaited = AwaitedEpochs()
        awaited.add(2, of: PartitionID(0))
        awaited.add(5, of: PartitionID(1))
        #expect(awaited.contains(PartitionID(0)) && !awaited.contains(PartitionID(2)))
        #expect(!book.apply(row(0, 2)) && !book.apply(row(1, 4)))
        #expect(awaited.end(rows: book) == [PartitionID(1)])
        #expect(!awaited.contains(PartitionID(0)) && !awaited.contains(PartitionID(1)))
        #expect(awaited.end(rows: book).isEmpty)
    }
}
