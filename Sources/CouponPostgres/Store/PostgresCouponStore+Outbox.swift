/// Sends a change to the gate again: its daemon may have died between PostgreSQL and the gate (rules 33, 34).
public import CouponCore

extension PostgresCouponStore {
    /// How old a row must be: the daemon that made the change updates the gate first.
    private static let delay = "2 seconds"

    /// Updates the gate with the next coupon in the outbox that is due, under the coupon's lock.
    ///
    /// If the gate has it, the row is deleted; otherwise it is due again later.
    /// - Parameter update: called with partition row and coupon row locked; returns whether the gate has the
    ///   coupon as committed.
    /// - Parameter remove: the same for a coupon that was deleted.
    /// - Parameter partitions: their coupons are passed over.
    public func resync(
        passing partitions: Set<PartitionID>, _ update: (Coupon, PartitionRow) -> Bool,
        deleted remove: (CouponID, PartitionRow) -> Bool
    ) throws(BackendError) -> ResyncResult {
        var chosen: PartitionID?
        do throws(BackendError) {
            _ = try session.run("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
            guard let id = try lockDueRow(passing: partitions) else {
                session.rollBack()
                return .nothingDue
            }
            let ofCoupon = partitioning.partition(of: id)
            chosen = ofCoupon
            let partition = try session.partition(ofCoupon, lock: .shared)
            let coupon = try lockedCoupon(id)
            let isSynced = coupon.map { update($0, partition) } ?? remove(id, partition)
            _ = try session.run(
                Statement(
                    isSynced
                        ? "DELETE FROM coupond.gate_outbox WHERE coupon_id = $1"
                        : "UPDATE coupond.gate_outbox SET added_at = now() WHERE coupon_id = $1",
                    .integer(id.rawValue)),
                "COMMIT")
            return isSynced ? .synced : .failed(ofCoupon, nil)
        } catch {
            session.rollBack()
            switch error {
            case .postgres(.sessionLost), .postgres(.unreachable): throw error
            default:
                guard let chosen else { throw error }
                return .failed(chosen, error)
            }
        }
    }

    /// Locks a row of the outbox that is due; nil if there is none.
    ///
    /// Rows are taken in the order of their key, and in turn. So each is read once in a round, however many
    /// there are: a script may have changed tens of thousands of coupons. In the order of their age, each
    /// step would read all rows.
    private func lockDueRow(
        passing partitions: Set<PartitionID>
    ) throws(BackendError) -> CouponID? {
        while true {
            let due = try session.run(
                Statement(
                    """
                    SELECT coupon_id FROM coupond.gate_outbox
                    WHERE coupon_id > $3 AND added_at < now() - interval '\(Self.delay)'
                        AND coupon_id % $1 <> ALL ($2)
                    ORDER BY coupon_id LIMIT 1 FOR UPDATE SKIP LOCKED
                    """, .integer(Int64(partitioning.count)),
                    .integers(partitions.map { Int64($0.rawValue) }),
                    .integer(outboxPlace.rawValue)))
            if due.count == 1 {
                outboxPlace = CouponID(due.integer(0, 0))
                return outboxPlace
            }
            guard outboxPlace != CouponID(0) else { return nil }
            outboxPlace = CouponID(0)
        }
    }

    /// Commits a row of the outbox for a coupon. False if the coupon does not exist.
    func addToOutbox(_ id: CouponID) throws(BackendError) -> Bool {
        try session.run(
            Statement(
                """
                INSERT INTO coupond.gate_outbox (coupon_id, added_at)
                SELECT id, now() FROM coupond.coupon WHERE id = $1
                ON CONFLICT (coupon_id) DO UPDATE SET added_at = now()
                """, .integer(id.rawValue))
        ).affected == 1
    }

    /// Locks a row of the outbox until the transaction ends. False if the row is gone.
    func lockOutboxRow(_ id: CouponID) throws(BackendError) -> Bool {
        try session.run(
            Statement(
                "SELECT FROM coupond.gate_outbox WHERE coupon_id = $1 FOR UPDATE",
                .integer(id.rawValue))
        ).count == 1
    }

    func lockedCoupon(_ id: CouponID) throws(BackendError) -> Coupon? {
        try session.run(
            Statement(
                "SELECT \(Coupon.columns) FROM coupond.coupon WHERE id = $1 FOR UPDATE",
                .integer(id.rawValue))
        ).coupons().first
    }
}
