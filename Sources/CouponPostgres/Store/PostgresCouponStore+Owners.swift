/// Who owns the partitions: the sessions with their locks.
public import CouponCore

extension PostgresCouponStore {
    /// The names of the sessions that own partitions.
    public func owners() throws(BackendError) -> [PartitionID: String] {
        let rows = try session.run(
            Statement(
                """
                SELECT lock.objid::int8, coalesce(activity.application_name, '')
                FROM pg_catalog.pg_locks AS lock
                    JOIN pg_catalog.pg_stat_activity AS activity USING (pid)
                WHERE lock.locktype = 'advisory' AND lock.classid = $1::int4::oid
                    AND lock.objsubid = 2 AND lock.granted AND lock.database = (
                        SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
                """, .integer(AdvisoryLock.owner)))
        return (0..<rows.count).reduce(into: [:]) { owners, row in
            owners[PartitionID(Int(rows.integer(row, 0)))] = rows.text(row, 1)
        }
    }
}
