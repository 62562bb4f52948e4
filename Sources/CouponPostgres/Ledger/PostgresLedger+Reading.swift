/// The ledger's questions, and the epoch.
public import CouponCore

extension PostgresLedger {
    /// The partition's row.
    public func partition(_ partition: PartitionID) throws(BackendError) -> PartitionRow {
        try session.partition(partition)
    }

    /// Rule 26: commits the next epoch, above PostgreSQL's own and `floor`, and returns the row. Throws
    /// `fenced` if the row has a later term than the node (rule 50).
    ///
    /// It waits for an issuing transaction of the partition, and throws `busy` if that takes long.
    public func raiseEpoch(
        of partition: PartitionID, above floor: Epoch, node: RedisNodeState
    ) throws(BackendError) -> PartitionRow {
        let rows = try session.run(
            Statement(
                """
                UPDATE coupond.partition AS p
                SET epoch = greatest(epoch, $2) + 1, redis_identity = $3, redis_term = $5
                FROM coupond.installation
                WHERE p.id = $1 AND greatest(epoch, $2) < $4 AND redis_term <= $5
                RETURNING \(PartitionRow.columns)
                """, .integer(Int64(partition.rawValue)), .integer(floor),
                .text(node.identity.description), .integer(Limits.maximumNumber),
                .integer(Int64(clamping: node.term))))
        guard rows.count == 1 else {
            let row = try session.partition(partition)
            if row.redisTerm > node.term { throw .postgres(.fenced) }
            let epoch = row.epoch
            throw .postgres(
                .refused(
                    "partition \(partition.rawValue) has the epoch \(epoch), and no gate can have "
                        + "a later one than \(Limits.maximumNumber): somebody changed the table"))
        }
        return rows.partition(0)
    }

    /// Rejections and held dead letters in (from, to], in order.
    public func rejections(
        in partition: PartitionID, after from: Position, upTo to: Position
    ) throws(BackendError) -> [Rejection] {
        // With two row comparisons PostgreSQL does not stop at the second one: it reads on to the last row.
        let range =
            from.epoch == to.epoch
            ? "epoch = $2 AND epoch = $4 AND n > $3 AND n <= $5"
            : "(epoch, n) > ($2, $3) AND (epoch, n) <= ($4, $5) AND epoch <= $4"
        let rows = try session.run(
            Statement(
                """
                SELECT r.coupon_id, r.user_id, r.sequence, r.request_id, r.epoch, r.n, r.reason,
                    i.sequence, i.request_id
                FROM coupond.rejection AS r
                LEFT JOIN coupond.coupon_issue AS i
                    ON r.reason = $6 AND i.coupon_id = r.coupon_id AND i.user_id = r.user_id
                WHERE partition = $1 AND \(range)
                ORDER BY r.epoch, r.n, r.sequence
                """, .integer(Int64(partition.rawValue)), .integer(from.epoch), .integer(from.n),
                .integer(to.epoch), .integer(to.n),
                .integer(Int64(RejectionReason.alreadyIssued.rawValue))))
        var rejections: [Rejection] = []
        for row in 0..<rows.count {
            let coupon = CouponID(rows.integer(row, 0))
            let user = UserID(rows.integer(row, 1))
            let issued =
                rows.isNull(row, 7)
                ? nil
                : AcceptedRequest(
                    coupon: coupon, user: user, sequence: rows.number(row, 7),
                    requestID: rows.requestID(row, 8))
            rejections.append(
                Rejection(
                    accepted: AcceptedRequest(
                        coupon: coupon, user: user, sequence: rows.number(row, 2),
                        requestID: rows.requestID(row, 3)),
                    position: rows.position(row, 4), reason: rows.reason(row, 6),
                    issued: issued))
        }
        return rejections
    }

    /// Coupons as committed, by id; missing ones are left out.
    public func coupons(_ ids: [CouponID]) throws(BackendError) -> [Coupon] {
        try session.coupons(ids)
    }
}
