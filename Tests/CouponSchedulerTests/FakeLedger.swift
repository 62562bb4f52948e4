/// PostgreSQL's side of the partitions of `FakeGates`.
import CouponCore

/// A ledger that commits everything.
final class FakeLedger: Ledger {
    /// How many requests each transaction issued.
    private(set) var issued: [Int] = []
    private var cursor = Position(epoch: 1, n: 0)

    var isConnected: Bool { true }
    func ping() {}
    func joinMembers() -> Membership { Membership(rank: 0, count: 1) }
    func claim(_ partition: PartitionID) -> Bool { true }
    func release(_ partition: PartitionID) {}
    func lock(_ kind: HandoverLock, of partition: PartitionID) -> Bool { true }
    func unlock(_ kind: HandoverLock, of partition: PartitionID) {}

    func partition(_ partition: PartitionID) -> PartitionRow {
        PartitionRow(
            id: partition, epoch: 1, cursor: cursor, identity: FakeGates.identity, installID: "i")
    }

    func issue(_ batch: Batch) -> Commit {
        let count = batch.items.reduce(0) { $0 + $1.requestCount }
        issued.append(count)
        cursor = batch.to
        return Commit(coupons: [], rejections: [], issued: count, issuedAt: .zero)
    }

    func raiseEpoch(
        of partition: PartitionID, above floor: Epoch, node: RedisNodeState
    ) -> PartitionRow { self.partition(partition) }
    func rejections(
        in partition: PartitionID, after from: Position, upTo to: Position
    ) -> [Rejection] { [] }
    func coupons(_ ids: [CouponID]) -> [Coupon] { [] }
    func marks(of coupons: [CouponID]) -> [LoadMarks] { [] }
    func holders(of coupon: CouponID, after place: HolderPlace, limit: Int) -> HolderPage {
        HolderPage(holders: [], end: .end)
    }
    func holders(of coupons: [CouponID], limit: Int) -> [CouponID: [LoadedHolder]]? { [:] }
}
