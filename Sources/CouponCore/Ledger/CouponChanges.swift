/// What admins change in PostgreSQL, and what the gates must still learn of it.
public protocol CouponChanges: AnyObject {
    /// Creates a coupon, with its line in the trail. False if the id exists, or was deleted; then there is no
    /// line.
    func create(_ coupon: Coupon, by call: AdminCall) throws(BackendError) -> Bool

    /// Changes a coupon under its lock; the version rises. Nil if it does not exist. Its row in the
    /// outbox, committed before, stays until `resync`. Its line in the trail is committed with the change.
    /// - Parameters:
    ///   - change: what to change; nil members stay.
    ///   - call: for the trail.
    ///   - cap: rules 34 and 55: called with the changed coupon before a total is lowered or a coupon is
    ///     archived, inside the transaction that has locked partition row and coupon row; false rolls back.
    func update(
        _ id: CouponID, _ change: CouponChange, by call: AdminCall,
        cap: (Coupon, PartitionRow) -> Bool
    ) throws(BackendError) -> CouponUpdateResult?

    /// Rule 55: deletes a closed coupon of which no request was decided, and keeps its id as used. Its row in
    /// the outbox, committed before, stays until `resync`. Nil if it does not exist.
    /// - Parameter remove: called inside the transaction that has locked partition row and coupon row, if the
    ///   tables allow it; false rolls back.
    func delete(
        _ id: CouponID, by call: AdminCall, remove: (Coupon, PartitionRow) -> Bool
    ) throws(BackendError) -> CouponUpdateResult?

    /// Updates the gate with a coupon in the outbox that is due, each in turn: a daemon may have died between
    /// PostgreSQL and the gate (rules 33 and 34).
    /// - Parameters:
    ///   - partitions: their coupons are passed over.
    ///   - update: called with partition row and coupon row locked; returns whether the gate has the coupon
    ///     as committed.
    ///   - remove: the same for a coupon that was deleted.
    func resync(
        passing partitions: Set<PartitionID>, _ update: (Coupon, PartitionRow) -> Bool,
        deleted remove: (CouponID, PartitionRow) -> Bool
    ) throws(BackendError) -> ResyncResult

    /// Forgets the terms of the Redis servers that had the partitions (rule 50), and adds a line to the
    /// trail.
    /// - Returns: how many partitions had a term.
    func adoptRedis(by call: AdminCall) throws(BackendError) -> Int
}

/// What `CouponChanges.resync` did.
public enum ResyncResult: Equatable, Sendable {
    /// No coupon is due.
    case nothingDue
    /// The gate has a coupon as committed; another one may be due.
    case synced
    /// The gate of this partition does not have it yet. An error if PostgreSQL was the reason.
    case failed(PartitionID, BackendError?)
}

/// How a change ended.
public enum CouponUpdateResult: Equatable, Sendable {
    /// Committed; the coupon as it is now.
    case updated(Coupon)
    /// The gate refused the lower total, or could not be reached; nothing changed.
    case refusedByGate
    /// The change does not fit the coupon; the text says why. Nothing changed.
    case invalid(String)
}
