/// What the daemon reads in PostgreSQL besides what issuing and auditing need.
public protocol CouponReads: HolderReader {
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

    /// Announces the question that a load asks next. PostgreSQL may read that page while the load writes the
    /// page before it. Does nothing by default.
    func readAhead(_ question: PageQuestion)

    /// Waits for the page of `readAhead`, and unpacks it.
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

    /// A coupon's issues to users with an id above `after`, by user id; `limit` at most.
    func issues(of coupon: CouponID, after: UserID, limit: Int) throws(BackendError) -> [Issue]

    /// All that PostgreSQL has of a user and a coupon, in one snapshot.
    func traces(
        of user: CouponUser, in partition: PartitionID
    ) throws(BackendError) -> UserTraces
}

extension CouponReads {
    /// Coupons with an id above `after`, by id, that are not archived.
    public func coupons(after: CouponID, limit: Int) throws(BackendError) -> [Coupon] {
        try coupons(after: after, limit: limit, archived: false)
    }

    /// Reads the page now.
    public func holders(_ question: PageQuestion) throws(BackendError) -> HolderPage {
        try holders(of: question.coupon, after: question.place, limit: question.limit)
    }

    /// Nothing is read in advance.
    public func readAhead(_ question: PageQuestion) {}

    /// Nothing was asked for.
    public func receiveAhead() {}
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
