/// Reads the commit logs for one caller, from where it stands: a slice in each call.
///
/// Each partition has an order of its own, and its events do not wait for those of others. A place names a
/// commit and its time. If PostgreSQL went back, the commit of that number is missing or has another time,
/// and the caller gets a reset. The last commit of a partition is never deleted, so this can always be seen,
/// and no commit is deleted before the next one is old: a caller who has read all misses nothing.
public struct EventReader: Sendable {
    /// What a slice brought.
    public struct Slice: Equatable, Sendable {
        /// In order within a partition.
        public var events: [CouponEvent] = []
        /// Partitions whose events do not follow those before.
        public var resets: [EventPage.Reset] = []
    }

    private let coupon: CouponID?
    private let limit: Int
    /// The partition to read next. They take turns, so one that always has more does not hold up the others.
    private var first: PartitionID
    /// Where the caller stands.
    public private(set) var places: [PartitionID: LogPlace]
    /// Partitions that may have more.
    public private(set) var unread: Set<PartitionID>

    /// Follows the partition of one coupon, or all.
    /// - Parameters:
    ///   - coupon: whose events are read; nil for all.
    ///   - limit: events of a slice, at most.
    ///   - places: where to begin in each partition that is followed.
    ///   - first: the partition that is read first. Each call of a caller should name another one.
    public init(
        of coupon: CouponID?, limit: Int, from places: [PartitionID: LogPlace],
        beginningWith first: PartitionID
    ) {
        self.coupon = coupon
        self.first = first
        self.limit = limit
        self.places = places
        unread = Set(places.keys)
    }

    /// The partition has a new commit.
    public mutating func wake(_ partition: PartitionID) {
        if places[partition] != nil { unread.insert(partition) }
    }

    /// How many commits of these partitions are not read.
    /// - Parameter newest: the last commit of each partition.
    public func behind(_ newest: [PartitionID: LogPlace]) -> Int64 {
        places.reduce(0) { $0 + max(0, (newest[$1.key]?.commit ?? 0) - $1.value.commit) }
    }

    /// The next events, of some of the unread partitions.
    public mutating func next(_ store: some EventStore) throws(BackendError) -> Slice {
        let sorted = unread.sorted()
        let asked = (sorted.filter { $0 >= first } + sorted.filter { $0 < first })
            .prefix(Limits.partitionsPerEventRead)
        guard let last = asked.last else { return Slice() }
        first = PartitionID(last.rawValue + 1)
        let scanned = coupon == nil ? limit : Limits.eventsScanned
        let commitLimit = max(2, Limits.commitsPerEventRead / asked.count)
        let rows = try store.commits(
            from: places.filter { asked.contains($0.key) }, commits: commitLimit, events: scanned)
        let commits = Dictionary(grouping: rows, by: \.partition)
        var draft = Draft()
        for partition in asked where draft.events.count < limit {
            let some = try checked(commits[partition] ?? [], of: partition, store, &draft)
            guard let some else { continue }
            read(some, of: partition, upTo: scanned, most: commitLimit, &draft)
        }
        return try draft.finish(store)
    }

    /// Compares the commit at the caller's place with the one that the caller knows.
    /// - Returns: the commits to read; nil if the caller now stands at another place.
    private mutating func checked(
        _ commits: [LoggedCommit], of partition: PartitionID, _ store: some EventStore,
        _ draft: inout Draft
    ) throws(BackendError) -> [LoggedCommit]? {
        let place = places[partition] ?? .start
        let first = commits.first
        let reason: EventPage.Reset.Reason
        switch first {
        case nil where place == .start: return []
        case let first? where place.commit == 0 && first.number == 1: return commits
        case let first?
        where first.number == place.commit && first.committedAt == place.committedAt:
            return commits
        case let first? where first.number > place.commit: reason = .expired
        default: reason = .wentBack
        }
        draft.resets.append(EventPage.Reset(partition, reason))
        if draft.oldest == nil { draft.oldest = try store.oldestCommits() }
        places[partition] = draft.oldest?[partition] ?? .start
        return nil
    }

    private mutating func read(
        _ commits: [LoggedCommit], of partition: PartitionID, upTo scanned: Int, most: Int,
        _ draft: inout Draft
    ) {
        var place = places[partition] ?? .start
        var (count, last) = (0, LoggedCommit?.none)
        for commit in commits {
            if let last, !commit.follows(last) {
                // A reset stands before all events after the gap, so the events before the gap end this
                // slice.
                if count > 0 || !draft.isEmpty(of: partition) { break }
                draft.resets.append(EventPage.Reset(partition, .incomplete))
            }
            let start = commit.number == place.commit ? place.index : 0
            var end = draft.add(
                commit, from: start, of: coupon, limit: limit, scanning: scanned - count)
            if end == start, end < commit.events, draft.events.count < limit, count < scanned {
                // The row counts more events than it has: they cannot be read.
                draft.resets.append(EventPage.Reset(partition, .incomplete))
                end = commit.events
            }
            count += end - start
            place = LogPlace(commit: commit.number, index: end, committedAt: commit.committedAt)
            last = commit
            if end < commit.events { break }
        }
        places[partition] = place
        let isAtEnd = last?.number == commits.last?.number && place.index >= (last?.events ?? 0)
        if isAtEnd, commits.count < most, count < scanned { unread.remove(partition) }
    }
}

extension LoggedCommit {
    /// Whether nothing is missing between the two: false if the cursor moved there without a row of the log.
    fileprivate func follows(_ last: LoggedCommit) -> Bool { from == last.to || from.n == 0 }
}

/// A slice while it is gathered. Its issues still lack what only their table has.
private struct Draft {
    private struct Issued {
        let index: Int
        let user: CouponUser
    }

    /// Until `finish` has read the issues, each of them has a placeholder here.
    private(set) var events: [CouponEvent] = []
    var resets: [EventPage.Reset] = []
    /// The oldest commits of all partitions; nil until a partition is reset. One question is for all of them.
    var oldest: [PartitionID: LogPlace]?
    private var issued: [Issued] = []

    func isEmpty(of partition: PartitionID) -> Bool {
        events.last?.place.partition != partition
    }

    /// Adds events of a commit.
    /// - Parameters:
    ///   - start: the index of the first one.
    ///   - scanning: how many events may be looked at.
    /// - Returns: the index after the last event that was looked at.
    mutating func add(
        _ commit: LoggedCommit, from start: Int, of coupon: CouponID?, limit: Int, scanning: Int
    ) -> Int {
        let stop = min(commit.events, start + scanning)
        var (index, first) = (start, 0)
        for run in commit.runs {
            let end = first + run.count
            defer { first = end }
            if end <= index { continue }
            if let coupon, coupon != run.coupon {
                index = min(end, stop)
                if index < end { return index }
                continue
            }
            while index < end {
                let offset = index - commit.firstUser
                guard index < stop, events.count < limit, commit.users.indices.contains(offset)
                else { return index }
                let user = CouponUser(user: commit.users[offset], coupon: run.coupon)
                issued.append(Issued(index: events.count, user: user))
                append(run.coupon, .issuing(user.user), commit, index)
                index += 1
            }
        }
        for (offset, other) in commit.others.enumerated() where first + offset >= index {
            guard first + offset < stop, events.count < limit else { return first + offset }
            if coupon == nil || coupon == other.coupon {
                append(other.coupon, other.kind, commit, first + offset)
            }
            index = first + offset + 1
        }
        return max(index, start)
    }

    private mutating func append(
        _ coupon: CouponID, _ kind: CouponEvent.Kind, _ commit: LoggedCommit, _ index: Int
    ) {
        events.append(
            CouponEvent(
                coupon: coupon, kind: kind, committedAt: commit.committedAt,
                place: CouponEvent.Place(
                    partition: commit.partition, commit: commit.number, index: index)))
    }

    /// Reads the issues. An issue whose row somebody has deleted is left out.
    func finish(_ store: some EventStore) throws(BackendError) -> EventReader.Slice {
        if issued.isEmpty { return EventReader.Slice(events: events, resets: resets) }
        let rows = try store.issues(of: issued.map(\.user))
        var all: [CouponEvent?] = events
        for (place, row) in zip(issued, rows) {
            let event = events[place.index]
            all[place.index] = row.map { row in
                CouponEvent(
                    coupon: event.coupon,
                    kind: .issued(
                        row.user, sequence: row.sequence, row.requestID,
                        acceptedAt: row.acceptedAt),
                    committedAt: event.committedAt, place: event.place)
            }
        }
        return EventReader.Slice(events: all.compactMap(\.self), resets: resets)
    }
}

extension CouponEvent.Kind {
    /// An issue of which only the user is known.
    fileprivate static func issuing(_ user: UserID) -> Self {
        .issued(user, sequence: 0, .empty, acceptedAt: .zero)
    }
}
