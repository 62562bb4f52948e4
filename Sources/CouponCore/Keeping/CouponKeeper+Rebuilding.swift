/// A rebuild on request: the gate is fenced, and its owner rebuilds it (rules 25 to 31).
extension CouponKeeper {
    /// Fences a gate.
    /// - Returns: the last epoch of the old gate; see `GateControl.distrust`.
    public func distrust(_ partition: PartitionID) throws(BackendError) -> Epoch {
        guard (0..<partitioning.count).contains(partition.rawValue) else {
            throw .answer(
                Failure(
                    .invalidArgument,
                    "rebuild_gate.partition: must be 0 to \(partitioning.count - 1),"
                        + " got \(partition.rawValue)"))
        }
        return try gates.distrust(partition)
    }

    /// The epoch of the open gate, if it is a later one; nil if the gate is not open or cannot be asked.
    public func openEpoch(of partition: PartitionID, after epoch: Epoch) -> Epoch? {
        // Any coupon id works: only the state of the gate is used.
        let coupon = CouponID(Int64(partition.rawValue))
        let view = try? gates.inspect(coupon, partition: partition, user: nil)
        guard let view, view.status == .open, view.epoch > epoch else { return nil }
        return view.epoch
    }
}
