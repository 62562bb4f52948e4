/// Admin changes of a coupon (rules 33 and 34).
public import CouponCore

extension PostgresCouponStore {
    /// Changes a coupon under its lock; the version rises, unless nothing changes.
    ///
    /// It first locks the partition's row, so no epoch is raised and nothing is issued until it ends. A row
    /// of the outbox is committed before all that, and stays for `resync`.
    /// - Parameters:
    ///   - change: what to change; nil members stay.
    ///   - call: for the line in the trail, which this transaction writes too.
    ///   - cap: called before a total is lowered or a coupon is archived, with the changed coupon and the
    ///     partition's row; false rolls back. It must be quick: the server ends a transaction that idles.
    /// - Returns: nil if the coupon is missing.
    public func update(
        _ id: CouponID, _ change: CouponChange, by call: AdminCall,
        cap: (Coupon, PartitionRow) -> Bool
    ) throws(BackendError) -> CouponUpdateResult? {
        guard try addToOutbox(id) else { return nil }
        var isCapAsked = false
        func ask(_ coupon: Coupon, _ row: PartitionRow) -> Bool {
            isCapAsked = true
            return cap(coupon, row)
        }
        do throws(BackendError) {
            _ = try session.run("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
            guard try lockOutboxRow(id) else {
                throw .postgres(.busy("the change took too long to begin"))
            }
            let partition = try session.partition(partitioning.partition(of: id), lock: .logging)
            let coupon = try lockedCoupon(id)
            let result = try coupon.map { coupon throws(BackendError) in
                try apply(change, to: coupon, in: partition, ask)
            }
            if case .updated(let changed)? = result, let coupon {
                if changed.version > coupon.version { try log(changed, in: partition) }
                let action = AdminAction(
                    call: call, coupon: id, before: TrailDocument.of(coupon),
                    after: TrailDocument.of(changed))
                _ = try session.run(Self.shortLockTimeout, Self.adding(action), "COMMIT")
            } else {
                session.rollBack()
                if isCapAsked { addLeftOverCap(id) }
            }
            return result
        } catch {
            session.rollBack()
            if isCapAsked { addLeftOverCap(id) }
            throw error
        }
    }

    /// Adds the change of a coupon to the commit log.
    func log(_ coupon: Coupon, in partition: PartitionRow) throws(BackendError) {
        var events = LoggedEvents(partition)
        events.others = [
            LoggedCommit.Other(coupon: coupon.id, kind: .changed(version: coupon.version))
        ]
        _ = try session.run(.add(events))
    }

    /// If this daemon stalled, its session may have ended, and resync may have deleted the outbox row before
    /// the cap was set. A new row makes resync clear the cap.
    private func addLeftOverCap(_ id: CouponID) { _ = try? addToOutbox(id) }

    private func apply(
        _ change: CouponChange, to coupon: Coupon, in partition: PartitionRow,
        _ cap: (Coupon, PartitionRow) -> Bool
    ) throws(BackendError) -> CouponUpdateResult {
        var changed = coupon.changed(by: change)
        if changed == coupon { return .updated(coupon) }
        if let fault = changed.fault(after: coupon) { return .invalid(fault) }
        changed.version += 1
        if changed.asksGate(after: coupon), !cap(changed, partition) { return .refusedByGate }
        _ = try session.run(Self.writing(changed))
        return .updated(changed)
    }

    private static func writing(_ coupon: Coupon) -> Statement {
        let written = coupon.written
        let columns = written.indices.map { "\(written[$0].column) = $\($0 + 3)" }
        let parameters: [Parameter] = [
            .integer(coupon.id.rawValue), .integer(coupon.isArchived ? 1 : 0),
        ]
        return Statement(
            """
            UPDATE coupond.coupon
            SET \(columns.joined(separator: ", ")),
                archived_at = CASE WHEN $2 = 1 THEN coalesce(archived_at, now()) END
            WHERE id = $1
            """, parameters: parameters + written.map(\.value))
    }
}
