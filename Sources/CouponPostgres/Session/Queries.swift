/// Questions that the ledger and the store have in common.
internal import CouponCore

extension Session {
    /// - Parameter lock: held until the transaction ends.
    func partition(
        _ partition: PartitionID, lock: PartitionLock? = nil
    ) throws(BackendError) -> PartitionRow {
        let rows = try run(
            Statement(
                """
                SELECT \(PartitionRow.columns)
                FROM coupond.partition AS p CROSS JOIN coupond.installation
                WHERE p.id = $1 \(lock.map { "FOR \($0.rawValue) OF p" } ?? "")
                """, isPrepared: true, .integer(Int64(partition.rawValue))))
        guard rows.count == 1 else { throw .noPartition(partition) }
        return rows.partition(0)
    }

    func coupons(_ ids: [CouponID]) throws(BackendError) -> [Coupon] {
        try run(
            Statement(
                "SELECT \(Coupon.columns) FROM coupond.coupon WHERE id = ANY ($1) ORDER BY id",
                isPrepared: true, .integers(ids.map(\.rawValue)))
        ).coupons()
    }
}

/// How a partition's row is locked. Both keep epoch and cursor as they are.
enum PartitionLock: String {
    /// Shared with other transactions that lock it so.
    case shared = "SHARE"
    /// Alone: the transaction adds a row to the commit log.
    case logging = "NO KEY UPDATE"
}

extension BackendError {
    /// The tables are those of fewer partitions.
    static func noPartition(_ partition: PartitionID) -> BackendError {
        .postgres(.refused("the database has no partition \(partition.rawValue)"))
    }
}
