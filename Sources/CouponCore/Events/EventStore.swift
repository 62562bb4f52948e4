/// The commit log: a row for each transaction that issued, rejected or changed something, in the order of
/// their commits within a partition. Its rows name requests; the issues themselves are read from their table.
///
/// Blocking, and confined to one thread.
public protocol EventStore {
    /// The last commit of each partition, as a place after all of its events; `start` if there is none.
    func newestCommits() throws(BackendError) -> [PartitionID: LogPlace]

    /// The oldest commit that is kept of each partition, as a place before its first event; `start` if there
    /// is none.
    func oldestCommits() throws(BackendError) -> [PartitionID: LogPlace]

    /// The commit at each place, and those that follow, by partition and number.
    /// - Parameters:
    ///   - places: by partition.
    ///   - commits: of each partition, at most.
    ///   - events: after this many events no further commit of a partition is read. Each commit comes with at
    ///     most this many of its users.
    func commits(
        from places: [PartitionID: LogPlace], commits: Int, events: Int
    ) throws(BackendError) -> [LoggedCommit]

    /// The issues of these users, in the order of the users; nil for a user without one.
    func issues(of users: [CouponUser]) throws(BackendError) -> [Issue?]

    /// Deletes commits whose next one is older than `milliseconds`, so never the last one of a partition.
    /// - Parameter limit: of each partition, at most.
    /// - Returns: how many.
    func deleteCommits(
        olderThan milliseconds: Int64, of partitions: [PartitionID], limit: Int
    ) throws(BackendError) -> Int
}

/// How far somebody has read the commit log of a partition.
public struct LogPlace: Hashable, Sendable {
    /// The number of the commit; 0 before the first one.
    public var commit: Int64
    /// How many of its events are read.
    public var index: Int
    /// When it was committed: PostgreSQL went back if its commit of this number has another time.
    public var committedAt: Timestamp

    /// A place.
    public init(commit: Int64, index: Int, committedAt: Timestamp) {
        self.commit = commit
        self.index = index
        self.committedAt = committedAt
    }

    /// Before the first commit.
    public static let start = LogPlace(commit: 0, index: 0, committedAt: .zero)
}

/// A row of the commit log. Its events are its issues, by run, and then the others.
public struct LoggedCommit: Equatable, Sendable {
    /// Issues of one coupon, in a row.
    public struct Run: Equatable, Sendable {
        /// The coupon.
        public let coupon: CouponID
        /// How many.
        public let count: Int

        /// A run.
        public init(coupon: CouponID, count: Int) {
            self.coupon = coupon
            self.count = count
        }
    }

    /// An event that is not an issue.
    public struct Other: Equatable, Sendable {
        /// The coupon.
        public let coupon: CouponID
        /// What happened.
        public let kind: CouponEvent.Kind

        /// An event.
        public init(coupon: CouponID, kind: CouponEvent.Kind) {
            self.coupon = coupon
            self.kind = kind
        }
    }

    /// The partition.
    public let partition: PartitionID
    /// From 1 in its partition.
    public let number: Int64
    /// When it was committed.
    public let committedAt: Timestamp
    /// Where the cursor stood before.
    public let from: Position
    /// Where the cursor stands after it.
    public let to: Position
    /// Its issues.
    public let runs: [Run]
    /// The users of its issues, from the one at `firstUser` on; if there are many, only some of them.
    public let users: [UserID]
    /// The index of the first of `users` among all its issues.
    public let firstUser: Int
    /// Its events that are not issues.
    public let others: [Other]
    /// How many events it has.
    public let events: Int

    /// A row.
    public init(
        partition: PartitionID, number: Int64, committedAt: Timestamp, from: Position,
        to: Position, runs: [Run], users: [UserID], firstUser: Int, others: [Other]
    ) {
        self.partition = partition
        self.number = number
        self.committedAt = committedAt
        self.from = from
        self.to = to
        events = runs.reduce(others.count) { $0 + $1.count }
        self.runs = runs
        self.users = users
        self.firstUser = firstUser
        self.others = others
    }
}
