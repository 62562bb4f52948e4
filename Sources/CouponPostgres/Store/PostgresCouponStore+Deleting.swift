/// Deleting a coupon (rule 55).
public import CouponCore

extension PostgresCouponStore {
    /// Deletes a coupon under the locks of a change.
    ///
    /// PostgreSQL checks once more what the daemon checks, finds any row of a request by an index, and keeps
    /// the id as used. So it costs the same however many rows there are.
    /// - Parameter remove: called when the tables allow it; false rolls back. It must be quick: the server
    ///   ends a transaction that idles.
    /// - Returns: nil if the coupon is missing; else the coupon as it was, or why it stays.
    public func delete(
        _ id: CouponID, by call: AdminCall, remove: (Coupon, PartitionRow) -> Bool
    ) throws(BackendError) -> CouponUpdateResult? {
        guard try addToOutbox(id) else { return nil }
        do throws(BackendError) {
            _ = try session.run("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
            guard try lockOutboxRow(id) else {
                throw .postgres(.busy("the change took too long to begin"))
            }
            let partition = try session.partition(partitioning.partition(of: id), lock: .logging)
            let coupon = try lockedCoupon(id)
            let result = try coupon.map { coupon throws(BackendError) in
                try delete(coupon, in: partition, remove)
            }
            guard case .updated(var deleted)? = result else {
                session.rollBack()
                return result
            }
            let action = AdminAction(call: call, coupon: id, before: TrailDocument.of(deleted))
            deleted.version += 1
            try log(deleted, in: partition)
            _ = try session.run(Self.shortLockTimeout, Self.adding(action), "COMMIT")
            return result
        } catch {
            session.rollBack()
            throw error
        }
    }

    private func delete(
        _ coupon: Coupon, in partition: PartitionRow, _ remove: (Coupon, PartitionRow) -> Bool
    ) throws(BackendError) -> CouponUpdateResult {
        guard coupon.state == .closed else {
            return .invalid("only a closed coupon can be deleted")
        }
        let rows = try session.run(
            Statement("SELECT coupond.delete_coupon($1)", .integer(coupon.id.rawValue)))
        guard rows.count == 1, rows.boolean(0, 0) else {
            return .invalid("requests for it were decided, and are kept: archive it instead")
        }
        return remove(coupon, partition) ? .updated(coupon) : .refusedByGate
    }
}
