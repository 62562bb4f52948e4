/// The terms of the Redis servers that had the partitions (rule 50).
public import CouponCore

extension PostgresCouponStore {
    /// Forgets the terms, so that the partitions may go to a new cluster.
    public func adoptRedis(by call: AdminCall) throws(BackendError) -> Int {
        do throws(BackendError) {
            let rows = try session.run(
                "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", Self.shortLockTimeout,
                """
                WITH had AS (
                    SELECT id, redis_term FROM coupond.partition WHERE redis_term > 0
                    ORDER BY id FOR UPDATE
                ), forgotten AS (
                    UPDATE coupond.partition AS p SET redis_term = 0 FROM had WHERE p.id = had.id)
                SELECT count(*), coalesce(max(redis_term), 0) FROM had
                """)
            let (count, highest) = (Int(rows.integer(0, 0)), rows.integer(0, 1))
            let action = AdminAction(
                call: call, before: TrailDocument.of(partitionsWithTerm: count, highest: highest),
                after: TrailDocument.of(partitionsWithTerm: 0, highest: 0))
            _ = try session.run(Self.adding(action), "COMMIT")
            return count
        } catch {
            session.rollBack()
            throw error
        }
    }
}
