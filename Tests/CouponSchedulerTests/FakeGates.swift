/// Partitions that are all alike, in memory: for what real servers do only by chance.
import CouponCore
import CoreTestKit

/// A gate whose entries a test writes.
final class FakeGates: GateControl {
    static let identity = RedisIdentity(runID: "run", replicationID: "history")
    /// What is queued and not settled.
    var items: [QueueItem] = []
    /// A partition whose queue cannot be read.
    var broken: PartitionID?
    /// Another owner was faster: nothing is settled.
    var isOvertaken = false
    /// Called before a heartbeat is answered.
    var beforeHeartbeat: () -> Void = {}
    /// How long the scheduler was ready to wait, each time.
    private(set) var waits: [Int] = []
    private var settled = Position(epoch: 1, n: 0)

    private func view(after: Position) -> GateView {
        let end = items.last?.position ?? settled
        return GateView(
            status: .open, epoch: 1, tail: end.n, settled: settled, installID: "i",
            queueEnd: end, items: items.filter { $0.position > after })
    }

    /// Accepts a request.
    func accept() {
        let position = Position(epoch: 1, n: (items.last?.position ?? settled).n + 1)
        let request = EntryRequest(user: UserID(position.n), requestID: .random())
        items.append(
            .entry(
                QueueEntry(
                    position: position, coupon: CouponID(1), firstSequence: position.n,
                    acceptedAt: .zero, requests: [request])))
    }

    /// The nodes of partitions that are not at the usual node.
    var homes: [PartitionID: RedisNode.ID] = [:]
    /// Nodes that cannot be reached.
    var away: Set<RedisNode.ID> = []

    /// Partitions that no node has.
    var homeless: Set<PartitionID> = []
    /// Called when a node is found to be away.
    var whenAway: () -> Void = {}

    func node(of partition: PartitionID) throws(BackendError) -> RedisNode.ID {
        if homeless.contains(partition) { throw .redis(.unavailable("no node has it")) }
        return homes[partition] ?? .single
    }

    func state(of node: RedisNode.ID) throws(BackendError) -> RedisNodeState {
        if away.contains(node) {
            whenAway()
            throw .redis(.unavailable("the node is away"))
        }
        return RedisNodeState(identity: Self.identity)
    }

    func read(
        _ partition: PartitionID, after: Position, upTo: Position?, maximumRequests: Int
    ) throws(BackendError) -> GateView {
        if partition == broken { throw .redis(.unexpectedReply("WRONGTYPE")) }
        return view(after: after)
    }

    func wait(
        for queues: [(partition: PartitionID, after: Position)], milliseconds: Int
    ) -> [PartitionID] {
        waits.append(milliseconds)
        return queues.filter { !view(after: $0.after).items.isEmpty }.map(\.partition)
    }

    func settle(_ settlement: Settlement, thenReading maximumRequests: Int) -> GateView? {
        if isOvertaken { return nil }
        settled = settlement.to
        items.removeAll { $0.position <= settled }
        return view(after: settled)
    }

    func heartbeat(_ rows: [PartitionRow]) -> [Result<GateView?, BackendError>] {
        beforeHeartbeat()
        return rows.map { row in
            guard row.id != broken, let node = try? node(of: row.id), !away.contains(node) else {
                return .failure(.redis(.unavailable("its node is away")))
            }
            return .success(view(after: row.cursor))
        }
    }

    func sweep(_ partition: PartitionID, before epoch: Epoch, limit: Int) -> Bool { false }
    func unload(_ partition: PartitionID, epoch: Epoch, limit: Int) -> Bool { false }

    // Nothing else is asked of a gate that is open and complete.
    func fence(_ row: PartitionRow) -> Bool { false }
    func move(_ move: inout QueueMove, of row: PartitionRow, limit: Int) -> Bool { false }
    func distrust(_ partition: PartitionID) -> Epoch { 1 }
    func beat(_ partition: PartitionID, epoch: Epoch) -> Bool { false }
    func entries(_ partition: PartitionID, after: Position, limit: Int) -> [QueueItem] { [] }
    func count(
        _ requests: [PlacedRequest], from: Position, to: Position, partition: PartitionID,
        epoch: Epoch
    ) -> Bool { false }
    func open(_ row: PartitionRow, counted: Position) -> Bool { false }
    func claim(
        _ coupon: CouponID, partition: PartitionID, epoch: Epoch, load: LoadNumber
    ) -> ClaimResult { .stale }
    func stage(
        _ holders: [LoadedHolder], of coupon: CouponID, partition: PartitionID, epoch: Epoch,
        load: LoadNumber?, during work: () -> Void
    ) -> Bool { false }
    func load(
        _ coupons: [LoadedCoupon], partition: PartitionID, epoch: Epoch, load: LoadNumber?
    ) -> LoadResult { .superseded }
    func complete(
        _ coupon: CouponID, partition: PartitionID, epoch: Epoch, load: LoadNumber
    ) -> Bool { false }
    func abandon(
        _ coupon: CouponID, partition: PartitionID, epoch: Epoch, load: LoadNumber
    ) {}
    func search(_ search: inout HolderSearch, partition: PartitionID) { search.epochs = [] }
    func set(_ coupon: Coupon, partition: PartitionID, epoch: Epoch) -> SetResult { .stale }
    func cap(
        _ coupon: CouponID, version: Int64, partition: PartitionID, epoch: Epoch, total: Int64
    ) -> CapResult { .stale }
    func inspect(
        _ coupon: CouponID, partition: PartitionID, user: UserID?
    ) throws(BackendError) -> GateInspection { throw .redis(.unavailable("not asked for")) }
    func inspect(
        _ questions: [StatusQuestion], _ partitioning: Partitioning
    ) -> [Result<GateInspection, BackendError>] { [] }
}
