/// Questions that the ledger and the store have in common.
internal import CouponCore

extension Session {
    func partition(_ partition: PartitionID, locked: Bool = false) throws(BackendError)
        -> PartitionRow
    {
        let rows = try run(
            Statement(
                """
                SELECT \(PartitionRow.columns)
                FROM coupond.partition AS p CROSS JOIN coupond.installation
                WHERE p.id = $1 \(locked ? "FOR SHARE OF p" : "")
                """, .integer(Int64(partition.rawValue))))
        guard rows.count == 1 else {
            throw .postgres(.refused("the database has no partition \(partition.rawValue)"))
        }
        return rows.partition(0)
    }

    func coupons(_ ids: [CouponID]) throws(BackendError) -> [Coupon] {
        try run(
            Statement(
                "SELECT \(Coupon.columns) FROM coupond.coupon WHERE id = ANY ($1) ORDER BY id",
                .integers(ids.map(\.rawValue)))
        ).coupons()
    }
}
