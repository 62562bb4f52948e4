/// An operator's word that a gate is wrong: it is fenced, and its owner builds it anew (rules 25 to 31).
extension CouponKeeper {
    /// Fences a gate.
    /// - Returns: the last epoch that will not do; see `GateControl.distrust`.
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

    /// In which epoch the gate is open, where that is a later one; nil where it is not open, or cannot be
    /// asked.
    public func openEpoch(of partition: PartitionID, after epoch: Epoch) -> Epoch? {
        // Any coupon will do: what it is asked about is the gate.
        let coupon = CouponID(Int64(partition.rawValue))
        let view = try? gates.inspect(coupon, partition: partition, user: nil)
        guard let view, view.status == .open, view.epoch > epoch else { return nil }
        return view.epoch
    }
}
