/// What becomes of a closed coupon: it is archived or deleted (rule 55).
extension CouponKeeper {
    /// Deletes a closed coupon of which no request was decided and none is queued.
    ///
    /// The gate forgets it inside the transaction, and once more after it: a load may have come in between.
    /// - Returns: the coupon as it was.
    public func delete(
        _ id: CouponID, by call: AdminCall, deadline: MonotonicTime
    ) throws(BackendError) -> Coupon {
        var cause = Self.gateNotOpen
        let deletion = try store.delete(id, by: call) { coupon, row in
            remove(id, version: coupon.version, row, &cause)
        }
        switch deletion {
        case nil: throw .answer(.noCoupon(id))
        case .invalid(let text): throw .answer(Failure(.failedPrecondition, text))
        case .refusedByGate: throw cause
        case .updated(let coupon):
            try updateGate(id, deadline) { partition, epoch in
                let result = try? gates.remove(
                    id, version: coupon.version, partition: partition, epoch: epoch)
                return result == .removed
            }
            return coupon
        }
    }

    /// Removes a coupon from the gate, while its rows are locked.
    /// - Returns: true if the gate holds the coupon no longer. If false, `cause` says why.
    func remove(
        _ id: CouponID, version: Int64, _ row: PartitionRow, _ cause: inout BackendError
    ) -> Bool {
        do throws(BackendError) {
            let result = try gates.remove(
                id, version: version, partition: row.id, epoch: row.epoch)
            if result == .queued {
                cause = .answer(
                    Failure(
                        .failedPrecondition,
                        "requests for it are queued: try again when they are decided"))
            }
            return result == .removed
        } catch {
            cause = error
            return false
        }
    }
}
