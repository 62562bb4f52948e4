import CouponCore

/// A log in memory, and the tables behind it.
final class MemoryLog: EventStore {
    var rows: [PartitionID: [LoggedCommit]] = [:]
    /// Users whose rows are gone.
    var missing: Set<UserID> = []
    /// How often the oldest commits were asked for.
    private(set) var questionsForOldest = 0
    private var clock: Int64 = 1_000

    /// Adds a commit that moves the cursor by one entry.
    @discardableResult
    func commit(
        _ partition: Int = 0, _ runs: [(coupon: CouponID, users: ClosedRange<Int64>)],
        others: [LoggedCommit.Other] = [], skippingEntries skipped: Int64 = 0
    ) -> LoggedCommit {
        let id = PartitionID(partition)
        let last = rows[id]?.last
        let from = Position(epoch: 1, n: (last?.to.n ?? 0) + skipped)
        clock += 1
        let row = LoggedCommit(
            partition: id, number: (last?.number ?? 0) + 1,
            committedAt: Timestamp(microseconds: clock), from: from,
            to: Position(epoch: 1, n: from.n + 1),
            runs: runs.map { LoggedCommit.Run(coupon: $0.coupon, count: $0.users.count) },
            users: runs.flatMap { $0.users.map { UserID($0) } }, firstUser: 0, others: others)
        rows[id, default: []].append(row)
        return row
    }

    func newestCommits() -> [PartitionID: LogPlace] {
        rows.compactMapValues { rows in
            rows.last.map {
                LogPlace(commit: $0.number, index: $0.events, committedAt: $0.committedAt)
            }
        }
    }

    func oldestCommits() -> [PartitionID: LogPlace] {
        questionsForOldest += 1
        return rows.compactMapValues { rows in
            rows.first.map { LogPlace(commit: $0.number, index: 0, committedAt: $0.committedAt) }
        }
    }

    func commits(
        from places: [PartitionID: LogPlace], commits: Int, events: Int
    ) -> [LoggedCommit] {
        places.sorted { $0.key < $1.key }.flatMap { partition, place -> [LoggedCommit] in
            let some = (rows[partition] ?? []).filter { $0.number >= place.commit }.prefix(commits)
            var (before, found) = (0, [LoggedCommit]())
            for row in some {
                let first = row.number == place.commit ? place.index : 0
                if before >= place.index + events { break }
                before += row.events
                found.append(
                    LoggedCommit(
                        partition: partition, number: row.number, committedAt: row.committedAt,
                        from: row.from, to: row.to, runs: row.runs,
                        users: Array(row.users.dropFirst(first).prefix(events)), firstUser: first,
                        others: row.others))
            }
            return found
        }
    }

    func issues(of users: [CouponUser]) -> [Issue?] {
        users.map { user in
            missing.contains(user.user)
                ? nil
                : Issue(
                    user: user.user, sequence: user.user.rawValue, requestID: .empty,
                    acceptedAt: .zero, issuedAt: .zero)
        }
    }

    func deleteCommits(
        olderThan milliseconds: Int64, of partitions: [PartitionID], limit: Int
    ) -> Int { 0 }
}
