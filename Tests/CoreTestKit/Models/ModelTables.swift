/// PostgreSQL's tables, as the statements read and write them, in memory. A value: a copy is a snapshot,
/// and a transaction that was rolled back is a copy that was dropped. Locks are the caller's.
public import CouponCore

/// The tables of one installation.
public struct ModelTables: Sendable {
    /// By number.
    public var partitions: [PartitionRow]
    /// By id.
    public var coupons: [CouponID: Coupon] = [:]
    /// Rows of `coupon_issue`.
    public var issues: [CouponID: [UserID: Issue]] = [:]
    /// Rejections and dead letters as they were committed, in this order.
    public var rejections: [Rejection] = []
    /// The dead letters among them, with the decisions on them.
    public internal(set) var letters: [Letter] = []
    /// Changes that the gate may not know, and since when.
    public var notes: [CouponID: Timestamp] = [:]
    let partitioning: Partitioning

    /// A committed issue.
    public struct Issue: Sendable, Equatable {
        /// The sequence that the gate gave.
        public let sequence: Int64
        /// The accepted request.
        public let requestID: RequestID
        /// When it was committed.
        public let at: Timestamp

        /// A committed issue.
        public init(sequence: Int64, requestID: RequestID, at: Timestamp) {
            self.sequence = sequence
            self.requestID = requestID
            self.at = at
        }
    }

    /// Empty tables.
    public init(partitioning: Partitioning, installID: String) {
        self.partitioning = partitioning
        partitions = partitioning.all.map {
            PartitionRow(id: $0, epoch: 0, cursor: .zero, identity: nil, installID: installID)
        }
    }

    /// The partition's row.
    public subscript(partition: PartitionID) -> PartitionRow {
        get { partitions[partition.rawValue] }
        set { partitions[partition.rawValue] = newValue }
    }

    /// Whether a partition's row has a later term than a node, which then gets no epoch (rule 50).
    public func isFenced(_ partition: PartitionID, for node: RedisNodeState) -> Bool {
        self[partition].redisTerm > node.term
    }

    /// Rule 26. The caller checks the term before it.
    public mutating func raiseEpoch(
        of partition: PartitionID, above floor: Epoch, node: RedisNodeState
    ) -> PartitionRow {
        let row = self[partition]
        self[partition] = PartitionRow(
            id: partition, epoch: max(row.epoch, floor) + 1, cursor: row.cursor,
            identity: node.identity, redisTerm: node.term, installID: row.installID)
        return self[partition]
    }

    /// Rejections and held dead letters in (from, to], in order.
    public func rejections(
        in partition: PartitionID, after from: Position, upTo to: Position
    ) -> [Rejection] {
        rejections.compactMap(current).filter {
            partitioning.partition(of: $0.accepted.coupon) == partition && $0.position > from
                && $0.position <= to
        }.map { rejection in
            guard rejection.reason == .alreadyIssued else { return rejection }
            let accepted = rejection.accepted
            return Rejection(
                accepted: accepted, position: rejection.position, reason: rejection.reason,
                issued: issues[accepted.coupon]?[accepted.user].map {
                    AcceptedRequest(
                        coupon: accepted.coupon, user: accepted.user, sequence: $0.sequence,
                        requestID: $0.requestID)
                })
        }.sorted { ($0.position, $0.accepted.sequence) < ($1.position, $1.accepted.sequence) }
    }

    /// Coupons as committed, by id; missing ones are left out.
    public func coupons(_ ids: [CouponID]) -> [Coupon] { ids.sorted().compactMap { coupons[$0] } }

    /// How many dead letters of a coupon are held.
    public func deadLetters(of coupon: CouponID) -> Int64 {
        Int64(
            rejections.count {
                $0.accepted.coupon == coupon && current($0)?.reason == .deadLetter
            })
    }

    /// Marks of coupons, by id; missing ones are left out.
    public func marks(of ids: [CouponID]) -> [LoadMarks] {
        coupons(ids).map {
            LoadMarks(
                coupon: $0, held: deadLetters(of: $0.id), redriven: unsynced(.redriven, of: $0.id),
                discarded: unsynced(.discarded, of: $0.id))
        }
    }

    /// The next holders of a coupon: users with a rejection and no issue, then issues.
    public func holders(of id: CouponID, after place: HolderPlace, limit: Int) -> HolderPage {
        switch place {
        case .refused(let user):
            let page = refusedHolders(of: id).filter { $0.user > user }.prefix(limit)
            let next = page.count >= limit ? page.last.map { HolderPlace.refused($0.user) } : nil
            return HolderPage(holders: Array(page), end: next ?? .issued(UserID(0)))
        case .issued(let user):
            let page = issuedHolders(of: id).filter { $0.user > user }.prefix(limit)
            let next = page.count >= limit ? page.last.map { HolderPlace.issued($0.user) } : nil
            return HolderPage(holders: Array(page), end: next ?? .end)
        case .end:
            return HolderPage(holders: [], end: .end)
        }
    }

    /// All holders of several coupons; nil if they are more than `limit`.
    public func holders(of ids: [CouponID], limit: Int) -> [CouponID: [LoadedHolder]]? {
        var found: [CouponID: [LoadedHolder]] = [:]
        for id in ids { found[id] = issuedHolders(of: id) + refusedHolders(of: id) }
        return found.values.reduce(0) { $0 + $1.count } > limit ? nil : found
    }

    private func issuedHolders(of id: CouponID) -> [LoadedHolder] {
        let redriven = redrivenUsers(of: id)
        return (issues[id] ?? [:]).sorted { $0.key < $1.key }.filter {
            !redriven.contains($0.key)
        }.map { user, issue in
            LoadedHolder(
                user: user,
                holder: GateHolder(
                    sequence: issue.sequence, position: .zero, requestID: issue.requestID,
                    rejection: nil))
        }
    }

    /// The latest rejection of each user without an issue; a letter that goes first goes before others.
    private func refusedHolders(of id: CouponID) -> [LoadedHolder] {
        var latest: [UserID: GateHolder] = [:]
        var withLetter: Set<UserID> = []
        let redriven = redrivenUsers(of: id)
        let refused = rejections.filter { $0.accepted.coupon == id }
            .sorted { ($0.position, $0.accepted.sequence) < ($1.position, $1.accepted.sequence) }
        for rejection in refused {
            let (accepted, letter) = (rejection.accepted, letter(of: rejection))
            let user = accepted.user
            guard issues[id]?[user] == nil || redriven.contains(user) else { continue }
            let goesFirst = letter?.goesFirst == true
            if goesFirst { withLetter.insert(user) }
            guard goesFirst || !withLetter.contains(user) else { continue }
            let reason = goesFirst ? rejection.reason : current(rejection)?.reason
            latest[user] = reason.map {
                GateHolder(
                    sequence: accepted.sequence, position: .zero, requestID: accepted.requestID,
                    rejection: $0, keepsSlot: letter?.keepsSlot == true)
            }
        }
        return latest.sorted { $0.key < $1.key }.map { LoadedHolder(user: $0, holder: $1) }
    }

    /// Whether a request for a coupon was ever decided: such a coupon is never deleted (rule 55).
    public func hasDecided(_ coupon: CouponID) -> Bool {
        issues[coupon]?.isEmpty == false || rejections.contains { $0.accepted.coupon == coupon }
    }

    /// What is known of these requests, and the cursor, in one snapshot (rule 36).
    public func decisions(_ questions: [AcceptedRequest], in partition: PartitionID) -> Decisions {
        Decisions(
            cursor: self[partition].cursor,
            standings: questions.map { question in
                if let issue = issues[question.coupon]?[question.user] { return issue.standing }
                return rejections.filter { $0.accepted == question }.compactMap(current)
                    .map(\.reason)
                    .max { $0.rawValue < $1.rawValue }
                    .map {
                        .rejected(
                            sequence: question.sequence, requestID: question.requestID, reason: $0)
                    }
            })
    }

    /// All that is known of the questions.
    public func statusRows(_ questions: [StatusQuestion]) -> StatusRows {
        StatusRows(
            coupons: Dictionary(
                coupons(questions.map(\.coupon)).map { ($0.id, .success($0)) },
                uniquingKeysWith: { first, _ in first }),
            standings: questions.map { question in
                .success(question.user.flatMap { standing(of: $0, for: question.coupon) })
            },
            partitions: Dictionary(uniqueKeysWithValues: partitions.map { ($0.id, $0) }))
    }

    /// What is known of a user and a coupon: the issue, else the latest rejection.
    public func standing(of user: UserID, for coupon: CouponID) -> UserStanding? {
        if let issue = issues[coupon]?[user] { return issue.standing }
        return rejections.filter { $0.accepted.coupon == coupon && $0.accepted.user == user }
            .compactMap(current)
            .max { ($0.position, $0.accepted.sequence) < ($1.position, $1.accepted.sequence) }
            .map {
                .rejected(
                    sequence: $0.accepted.sequence, requestID: $0.accepted.requestID,
                    reason: $0.reason)
            }
    }
}

extension ModelTables.Issue {
    /// As the daemon reads it.
    var standing: UserStanding { .issued(sequence: sequence, requestID: requestID, at: at) }
}
