/// What a transaction adds to the commit log of its partition: one row, whatever the transaction does.
internal import CouponCore

struct LoggedEvents {
    /// The numbers of the kinds in the table.
    enum Kind: Int64 {
        case rejected = 2
        case soldOut = 3
        case changed = 4
    }

    let partition: PartitionID
    /// Where the cursor stands before the transaction, and after it.
    let from: Position
    let to: Position
    /// Who got coupons, in order.
    var issued: [CouponUser] = []
    var others: [LoggedCommit.Other] = []

    /// For a transaction that does not move the cursor. It has locked the partition's row, so no other row of
    /// the log gets the same number.
    init(_ row: PartitionRow) {
        partition = row.id
        from = row.cursor
        to = row.cursor
    }

    /// For an issuing transaction.
    init(_ batch: Batch) {
        partition = batch.partition
        from = batch.from
        to = batch.to
    }
}

extension Statement {
    /// Adds the row. Its number is the next one of the partition, whose row is locked.
    static func add(_ events: LoggedEvents) -> Statement {
        let (coupons, counts) = events.runs
        let others = events.others
        let insertion = { (columns: String, values: String) in
            """
            INSERT INTO coupond.commit_log
                (partition, from_epoch, from_n, to_epoch, to_n, events, coupon_ids, counts, user_ids,
                number\(columns))
            SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, 1 + coalesce((
                SELECT number FROM coupond.commit_log WHERE partition = $1::int4
                ORDER BY number DESC LIMIT 1), 0)\(values)
            """
        }
        let (row, from, to) = (
            Parameter.integer(Int64(events.partition.rawValue)), events.from, events.to
        )
        let count = Int64(events.issued.count + others.count)
        if others.isEmpty {
            return Statement(
                insertion("", ""), isPrepared: true, row, .integer(from.epoch), .integer(from.n),
                .integer(to.epoch), .integer(to.n), .integer(count), .integers(coupons),
                .integers(counts), .bytes(PackedUsers.bytes(events.issued)))
        }
        return Statement(
            insertion(
                """
                , other_kinds, other_coupon_ids, other_user_ids, other_numbers,
                other_request_ids, other_reasons
                """, ", $10, $11, $12, $13, $14, $15"), isPrepared: true, row,
            .integer(from.epoch), .integer(from.n), .integer(to.epoch), .integer(to.n),
            .integer(count), .integers(coupons), .integers(counts),
            .bytes(PackedUsers.bytes(events.issued)),
            .integers(others.map(\.kind.columns.kind.rawValue)),
            .integers(others.map(\.coupon.rawValue)), .integers(others.map(\.kind.columns.user)),
            .integers(others.map(\.kind.columns.number)),
            .requestIDs(others.map(\.kind.columns.requestID)),
            .integers(others.map(\.kind.columns.reason)))
    }
}

extension LoggedEvents {
    /// Issues of one coupon in a row are one run.
    fileprivate var runs: (coupons: [Int64], counts: [Int64]) {
        var (coupons, counts): ([Int64], [Int64]) = ([], [])
        for user in issued {
            if coupons.last == user.coupon.rawValue {
                counts[counts.count - 1] += 1
            } else {
                coupons.append(user.coupon.rawValue)
                counts.append(1)
            }
        }
        return (coupons, counts)
    }
}

extension LoggedCommit.Other {
    init(_ rejection: Rejection) {
        self.init(
            coupon: rejection.accepted.coupon,
            kind: .rejected(
                rejection.accepted.user, sequence: rejection.accepted.sequence,
                rejection.accepted.requestID, rejection.reason))
    }
}

extension CouponEvent.Kind {
    fileprivate typealias Columns = (
        kind: LoggedEvents.Kind, user: Int64, number: Int64, requestID: RequestID, reason: Int64
    )

    /// What the log has of an event that is not an issue.
    fileprivate var columns: Columns {
        switch self {
        case .issued(let user, let sequence, let id, _):
            // Never written here: issues have columns of their own.
            (.changed, user.rawValue, sequence, id, 0)
        case .rejected(let user, let sequence, let id, let reason):
            (.rejected, user.rawValue, sequence, id, Int64(reason.rawValue))
        case .soldOut(let version): (.soldOut, 0, version, .empty, 0)
        case .changed(let version): (.changed, 0, version, .empty, 0)
        }
    }
}
