/// What the daemon asks of PostgreSQL besides issuing: coupons, users, issues, dead letters.
///
/// Blocking, and confined to one thread. After `sessionLost` the next call connects again.
public protocol CouponStore: HolderReader {
    /// All partitions' rows, in order.
    func partitions() throws(BackendError) -> [PartitionRow]

    /// The daemons that own partitions, by the names of their sessions. For people: it may change at any
    /// moment.
    func owners() throws(BackendError) -> [PartitionID: String]

    /// A coupon; nil if it does not exist.
    func coupon(_ id: CouponID) throws(BackendError) -> Coupon?

    /// Coupons with an id above `after`, by id: the archived ones, or the others.
    func coupons(after: CouponID, limit: Int, archived: Bool) throws(BackendError) -> [Coupon]

    /// Coupons as committed, by id; missing ones are left out.
    func coupons(_ ids: [CouponID]) throws(BackendError) -> [Coupon]

    /// A page of a load's holders.
    func holders(_ question: PageQuestion) throws(BackendError) -> HolderPage

    /// A load will ask this question next, while it writes the last page: PostgreSQL may begin to read. Does
    /// nothing by default.
    func readAhead(_ question: PageQuestion)

    /// Waits for that page, and unpacks it.
    func receiveAhead()

    /// Waits for transactions that have locked a coupon: what they commit can be read after it.
    func waitForChanges(of coupon: CouponID) throws(BackendError)

    /// Active coupons whose windows open within so many milliseconds by PostgreSQL's clock, and have not
    /// opened yet; the first to open first.
    func opening(within milliseconds: Int64, limit: Int) throws(BackendError) -> [CouponID]

    /// What PostgreSQL knows of these requests, and the cursor, in one snapshot (rule 36).
    func decisions(
        _ questions: [AcceptedRequest], in partition: PartitionID
    ) throws(BackendError) -> Decisions

    /// What PostgreSQL knows of users and coupons, by any request, in order.
    func standings(of users: [CouponUser]) throws(BackendError) -> [UserStanding?]

    /// All that PostgreSQL knows of many questions about coupons and users, in one round trip. The standings
    /// are not older than the partitions.
    /// - Parameter work: done while PostgreSQL works on the questions; not done if they cannot be sent.
    func statusRows(
        _ questions: [StatusQuestion], _ partitioning: Partitioning, during work: () -> Void
    ) throws(BackendError) -> StatusRows

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

    /// Updates the gate with the oldest coupon in the outbox that is due: a daemon may have died between
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

    /// Issues of a coupon, of users with an id above `after`, by user id; `limit` at most.
    func issues(of coupon: CouponID, after: UserID, limit: Int) throws(BackendError) -> [Issue]

    // MARK: Dead letters

    /// Letters with a number above `after`, in order.
    /// - Parameter coupon: only this coupon's; nil for all.
    func deadLetters(
        after: Int64, of coupon: CouponID?, limit: Int
    ) throws(BackendError) -> [DeadLetter]

    /// Redrives or discards a letter, in one transaction that holds partition row and coupon row. The gate
    /// is updated afterwards. Repeating a decision adds a line to the trail and changes nothing else.
    func decide(
        _ letter: Int64, _ state: DeadLetter.State, by call: AdminCall
    ) throws(BackendError) -> LetterDecision

    /// Decided letters that the gate does not know: the oldest of each partition, `limit` at most, and in
    /// turn.
    /// - Parameter coupons: their letters are left out.
    func unsyncedLetters(
        limit: Int, except coupons: Set<CouponID>
    ) throws(BackendError) -> [UnsyncedLetter]

    /// Updates the gate with a decided letter, under the same locks, and records that it has it.
    /// - Parameter update: updates the gate; returns whether the gate has the decision now.
    /// - Returns: whether the gate has it.
    func resyncLetter(
        _ letter: Int64, _ update: (DeadLetter, Coupon, PartitionRow) -> Bool
    ) throws(BackendError) -> Bool

    // MARK: The trail

    /// Adds lines to the trail. If it throws, none is added; after `sessionLost` that is unknown.
    /// - Returns: those that the store refuses for their data; it has all others.
    func record(_ actions: [AdminAction]) throws(BackendError) -> [AdminAction]

    /// Lines of the trail with a number below `before`, the newest first.
    func trail(
        of subject: TrailSubject, before: Int64, limit: Int
    ) throws(BackendError) -> [TrailLine]

    /// Forgets the terms of the Redis servers that had the partitions (rule 50), and adds a line to the
    /// trail.
    /// - Returns: how many partitions had a term.
    func adoptRedis(by call: AdminCall) throws(BackendError) -> Int

    /// All that PostgreSQL has of a user and a coupon, in one snapshot.
    func traces(
        of user: CouponUser, in partition: PartitionID
    ) throws(BackendError) -> UserTraces
}

extension CouponStore {
    /// Coupons with an id above `after`, by id, that are not archived.
    public func coupons(after: CouponID, limit: Int) throws(BackendError) -> [Coupon] {
        try coupons(after: after, limit: limit, archived: false)
    }

    /// Reads it now.
    public func holders(_ question: PageQuestion) throws(BackendError) -> HolderPage {
        try holders(of: question.coupon, after: question.place, limit: question.limit)
    }

    /// Nothing is read in advance.
    public func readAhead(_ question: PageQuestion) {}

    /// Nothing was asked for.
    public func receiveAhead() {}
}

/// What `CouponStore.resync` did.
public enum ResyncResult: Equatable, Sendable {
    /// No coupon is due.
    case nothingDue
    /// The gate has a coupon as committed; another one may be due.
    case synced
    /// The gate of this partition does not have it yet. An error if PostgreSQL was the reason.
    case failed(PartitionID, BackendError?)
}

/// A decided letter that the gate does not know.
public struct UnsyncedLetter: Equatable, Sendable {
    /// Its number.
    public let id: Int64
    /// Of which partition.
    public let partition: PartitionID
    /// Of which coupon; nil if its entry could not be read.
    public let coupon: CouponID?

    /// A decided letter.
    public init(id: Int64, partition: PartitionID, coupon: CouponID? = nil) {
        self.id = id
        self.partition = partition
        self.coupon = coupon
    }
}

/// A user of a coupon.
public struct CouponUser: Hashable, Sendable {
    /// Who.
    public let user: UserID
    /// Of which coupon.
    public let coupon: CouponID

    /// A user of a coupon.
    public init(user: UserID, coupon: CouponID) {
        self.user = user
        self.coupon = coupon
    }
}

/// Rows and cursor of one snapshot.
public struct Decisions: Equatable, Sendable {
    /// Up to here everything in the partition is decided.
    public let cursor: Position
    /// One for each question, in order; nil if PostgreSQL has no row for that request.
    public let standings: [UserStanding?]

    /// Rows and cursor of one snapshot.
    public init(cursor: Position, standings: [UserStanding?]) {
        self.cursor = cursor
        self.standings = standings
    }
}

/// What PostgreSQL knows of a user and a coupon.
public enum UserStanding: Equatable, Sendable {
    /// A committed issue.
    case issued(sequence: Int64, requestID: RequestID, at: Timestamp)
    /// A rejection or a held dead letter.
    case rejected(sequence: Int64, requestID: RequestID, reason: RejectionReason)
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
