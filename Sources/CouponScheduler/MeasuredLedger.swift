/// A ledger with a clock: how long the scheduler has waited for PostgreSQL.
internal import CouponCore

/// Hands each call on. A step waits for Redis too; if there is one Redis, all partitions wait for that, and
/// only the time in PostgreSQL counts against the step's own partition (rule 44).
final class MeasuredLedger: Ledger {
    private let ledger: any Ledger
    private let now: @Sendable () -> MonotonicTime
    private var nanoseconds: Int64 = 0
    /// How long all calls have taken so far, in milliseconds.
    var spent: Int64 { nanoseconds / 1_000_000 }

    init(_ ledger: any Ledger, now: @escaping @Sendable () -> MonotonicTime) {
        self.ledger = ledger
        self.now = now
    }

    private func measure<Value>(
        _ call: () throws(BackendError) -> Value
    ) throws(BackendError) -> Value {
        let start = now()
        defer { nanoseconds += now().nanoseconds - start.nanoseconds }
        return try call()
    }

    var isConnected: Bool { ledger.isConnected }

    func ping() throws(BackendError) {
        try measure { () throws(BackendError) in try ledger.ping() }
    }

    func joinMembers() throws(BackendError) -> Membership {
        try measure { () throws(BackendError) in try ledger.joinMembers() }
    }

    func claim(_ partition: PartitionID) throws(BackendError) -> Bool {
        try measure { () throws(BackendError) in try ledger.claim(partition) }
    }

    func release(_ partition: PartitionID) throws(BackendError) {
        try measure { () throws(BackendError) in try ledger.release(partition) }
    }

    func lock(_ kind: HandoverLock, of partition: PartitionID) throws(BackendError) -> Bool {
        try measure { () throws(BackendError) in try ledger.lock(kind, of: partition) }
    }

    func unlock(_ kind: HandoverLock, of partition: PartitionID) throws(BackendError) {
        try measure { () throws(BackendError) in try ledger.unlock(kind, of: partition) }
    }

    func partition(_ partition: PartitionID) throws(BackendError) -> PartitionRow {
        try measure { () throws(BackendError) in try ledger.partition(partition) }
    }

    func raiseEpoch(
        of partition: PartitionID, above floor: Epoch, node: RedisNodeState
    ) throws(BackendError) -> PartitionRow {
        try measure { () throws(BackendError) in
            try ledger.raiseEpoch(of: partition, above: floor, node: node)
        }
    }

    func issue(_ batch: Batch) throws(BackendError) -> Commit {
        try measure { () throws(BackendError) in try ledger.issue(batch) }
    }

    func rejections(
        in partition: PartitionID, after from: Position, upTo to: Position
    ) throws(BackendError) -> [Rejection] {
        try measure { () throws(BackendError) in
            try ledger.rejections(in: partition, after: from, upTo: to)
        }
    }

    func coupons(_ ids: [CouponID]) throws(BackendError) -> [Coupon] {
        try measure { () throws(BackendError) in try ledger.coupons(ids) }
    }

    func marks(of coupons: [CouponID]) throws(BackendError) -> [LoadMarks] {
        try measure { () throws(BackendError) in try ledger.marks(of: coupons) }
    }

    func holders(
        of coupon: CouponID, after place: HolderPlace, limit: Int
    ) throws(BackendError) -> HolderPage {
        try measure { () throws(BackendError) in
            try ledger.holders(of: coupon, after: place, limit: limit)
        }
    }

    func holders(
        of coupons: [CouponID], limit: Int
    ) throws(BackendError) -> [CouponID: [LoadedHolder]]? {
        try measure { () throws(BackendError) in try ledger.holders(of: coupons, limit: limit) }
    }
}
