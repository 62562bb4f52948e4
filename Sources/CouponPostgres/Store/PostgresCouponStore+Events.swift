/// The commit log, for callers who follow events. Every question follows the primary key, so it costs the
/// same however long the log is.
public import CouponCore

extension PostgresCouponStore: EventStore {
    /// The last commit of each partition, as a place after all of its events.
    public func newestCommits() throws(BackendError) -> [PartitionID: LogPlace] {
        try ends("DESC", read: true)
    }

    /// The oldest commit that is kept of each partition, as a place before its first event.
    public func oldestCommits() throws(BackendError) -> [PartitionID: LogPlace] {
        try ends("ASC", read: false)
    }

    private func ends(
        _ order: String, read: Bool
    ) throws(BackendError) -> [PartitionID: LogPlace] {
        let rows = try session.run(
            Statement(
                """
                SELECT p.id, l.number, l.events, l.committed_at
                FROM coupond.partition AS p
                LEFT JOIN LATERAL (
                    SELECT number, events, committed_at FROM coupond.commit_log
                    WHERE partition = p.id ORDER BY number \(order) LIMIT 1) AS l ON true
                """, isPrepared: true))
        var places: [PartitionID: LogPlace] = [:]
        for row in 0..<rows.count {
            let partition = PartitionID(Int(rows.integer(row, 0)))
            places[partition] =
                rows.isNull(row, 1)
                ? .start
                : LogPlace(
                    commit: rows.number(row, 1), index: read ? Int(rows.number(row, 2)) : 0,
                    committedAt: rows.timestamp(row, 3))
        }
        return places
    }

    /// The commit at each place, and those that follow.
    ///
    /// If the caller has read the events of a commit already, its long arrays are not read.
    public func commits(
        from places: [PartitionID: LogPlace], commits: Int, events: Int
    ) throws(BackendError) -> [LoggedCommit] {
        let places = places.sorted { $0.key < $1.key }
        let rows = try session.run(
            Statement(
                """
                SELECT l.partition, l.number, l.committed_at, l.from_epoch, l.from_n, l.to_epoch,
                    l.to_n, l.first, l.coupon_ids, l.counts,
                    CASE WHEN l.first < l.events THEN l.user_ids END, l.other_kinds,
                    l.other_coupon_ids, l.other_user_ids, l.other_numbers, l.other_request_ids,
                    l.other_reasons
                FROM unnest($1, $2, $3) AS q (partition, number, first)
                CROSS JOIN LATERAL (
                    SELECT c.*, CASE WHEN c.number = q.number THEN q.first ELSE 0 END AS first,
                        sum(c.events) OVER (ORDER BY c.number) - c.events AS before
                    FROM (
                        SELECT * FROM coupond.commit_log
                        WHERE partition = q.partition AND number >= q.number
                        ORDER BY number LIMIT $4) AS c) AS l
                WHERE l.before < q.first + $5
                ORDER BY l.partition, l.number
                """, isPrepared: true, .integers(places.map { Int64($0.key.rawValue) }),
                .integers(places.map(\.value.commit)),
                .integers(places.map { Int64($0.value.index) }), .integer(Int64(commits)),
                .integer(Int64(events))))
        return (0..<rows.count).map { rows.commit($0, users: events) }
    }

    /// The issues of these users, in the order of the users.
    public func issues(of users: [CouponUser]) throws(BackendError) -> [Issue?] {
        let rows = try session.run(
            Statement(
                """
                SELECT q.number, i.user_id, i.sequence, i.request_id, i.accepted_at, i.issued_at
                FROM unnest($1, $2) WITH ORDINALITY AS q (coupon_id, user_id, number)
                CROSS JOIN LATERAL (
                    SELECT * FROM coupond.coupon_issue AS r
                    WHERE r.coupon_id = q.coupon_id AND r.user_id = q.user_id LIMIT 1) AS i
                """, isPrepared: true, .integers(users.map(\.coupon.rawValue)),
                .integers(users.map(\.user.rawValue))))
        var issues = [Issue?](repeating: nil, count: users.count)
        for row in 0..<rows.count {
            issues[Int(rows.integer(row, 0)) - 1] = Issue(
                user: UserID(rows.integer(row, 1)), sequence: rows.number(row, 2),
                requestID: rows.requestID(row, 3), acceptedAt: rows.timestamp(row, 4),
                issuedAt: rows.timestamp(row, 5))
        }
        return issues
    }

    /// Deletes the oldest commits of some partitions, but never the last one. A commit is deleted by the age
    /// of the next one, which a reader that stands at the deleted one has not read for as long.
    public func deleteCommits(
        olderThan milliseconds: Int64, of partitions: [PartitionID], limit: Int
    ) throws(BackendError) -> Int {
        // Takes the oldest rows, then checks their age: a condition on the age alone would read the whole
        // log.
        try session.run(
            Statement(
                """
                DELETE FROM coupond.commit_log AS l USING (
                    SELECT c.partition, c.number
                    FROM unnest($1) AS q (partition)
                    CROSS JOIN LATERAL (
                        SELECT partition, number,
                            lead(committed_at) OVER (ORDER BY number) AS followed_at
                        FROM (
                            SELECT partition, number, committed_at FROM coupond.commit_log
                            WHERE partition = q.partition ORDER BY number LIMIT $3) AS o) AS c
                    WHERE c.followed_at < now() - $2 * interval '1 millisecond') AS aged
                WHERE l.partition = aged.partition AND l.number = aged.number
                """, .integers(partitions.map { Int64($0.rawValue) }), .integer(milliseconds),
                .integer(Int64(limit) + 1))
        ).affected
    }
}

extension Rows {
    /// The columns of `commits`.
    /// - Parameter users: at most.
    fileprivate func commit(_ row: Int, users limit: Int) -> LoggedCommit {
        let (coupons, counts) = (integers(row, 8), integers(row, 9))
        let first = Int(number(row, 7))
        return LoggedCommit(
            partition: PartitionID(Int(integer(row, 0))), number: number(row, 1),
            committedAt: timestamp(row, 2), from: position(row, 3), to: position(row, 5),
            runs: zip(coupons, counts).map { coupon, count in
                LoggedCommit.Run(coupon: CouponID(coupon), count: Int(max(0, count)))
            },
            users: packedUsers(row, 10, from: first, limit: limit), firstUser: first,
            others: others(row))
    }

    private func others(_ row: Int) -> [LoggedCommit.Other] {
        let kinds = integers(row, 11)
        if kinds.isEmpty { return [] }
        let (coupons, users, numbers) = (integers(row, 12), integers(row, 13), integers(row, 14))
        let (ids, reasons) = (requestIDs(row, 15), integers(row, 16))
        let count = [coupons.count, users.count, numbers.count, ids.count, reasons.count].min()
        return kinds.prefix(count ?? 0).indices.map { index in
            let kind: CouponEvent.Kind =
                switch LoggedEvents.Kind(rawValue: kinds[index]) {
                case .rejected:
                    .rejected(
                        UserID(users[index]), sequence: numbers[index], ids[index],
                        UInt8(exactly: reasons[index]).flatMap(RejectionReason.init) ?? .discarded)
                case .soldOut: .soldOut(version: numbers[index])
                case .changed, nil: .changed(version: numbers[index])
                }
            return LoggedCommit.Other(coupon: CouponID(coupons[index]), kind: kind)
        }
    }
}
