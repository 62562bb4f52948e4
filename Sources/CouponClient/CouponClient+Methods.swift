// The protocol's methods, each with the type of its answer.

public import CouponDomain
internal import CouponWire
public import NIOCore

extension CouponClient {
    /// Asks for one coupon for one user, once. A refusal by rule is an outcome, not an error.
    public func issue(
        _ request: IssueRequest, deadline: TimeAmount? = nil
    ) async throws(ClientError) -> Outcome {
        let answer = try await call(.issue(request), deadline: deadline)
        guard case .issue(let outcome) = answer else { throw .otherMethod }
        return outcome
    }

    /// Asks for one coupon for one user, and retries while that may help.
    /// - Parameters:
    ///   - request: without a request id it is given a random one, the same for all tries.
    ///   - deadline: of each try.
    ///   - policy: how often, and with which pauses.
    public func issue(
        _ request: IssueRequest, deadline: TimeAmount? = nil, retrying policy: RetryPolicy
    ) async throws(ClientError) -> Outcome {
        var attempts = IssueAttempts(request, policy: policy)
        return try await issue(&attempts, deadline: deadline, limit: nil)
    }

    /// The status of a coupon, and of the request of `user`, if given.
    public func status(
        of coupon: CouponID, user: UserID? = nil, deadline: TimeAmount? = nil
    ) async throws(ClientError) -> CouponStatus {
        let answer = try await call(.couponStatus(coupon: coupon, user: user), deadline: deadline)
        guard case .couponStatus(let status) = answer else { throw .otherMethod }
        return status
    }

    /// Asks for one coupon for each of up to `Limits.usersPerBatch` users, once. Each user is a request of
    /// its own.
    /// - Returns: one result for each user, in the order of the batch. An error says what is known of its
    ///   request.
    public func issue(
        _ batch: IssueBatch, deadline: TimeAmount? = nil
    ) async throws(ClientError) -> [Result<Outcome, Failure>] {
        let answer = try await call(.issueBatch(batch), deadline: deadline)
        guard case .issueBatch(let ends) = answer, ends.count == batch.items.count else {
            throw .otherMethod
        }
        return ends
    }

    /// The status of a coupon, and of up to `Limits.usersPerBatch` users, in their order.
    public func status(
        of coupon: CouponID, users: [UserID], deadline: TimeAmount? = nil
    ) async throws(ClientError) -> CouponStatusBatch {
        let answer = try await call(
            .couponStatusBatch(coupon: coupon, users: users), deadline: deadline)
        guard case .couponStatusBatch(let batch) = answer, batch.users.count == users.count else {
            throw .otherMethod
        }
        return batch
    }

    /// Events: what was committed. The answer comes when there are some, or without events when the wait
    /// ends.
    /// - Parameters:
    ///   - question: which ones, and how long to wait.
    ///   - deadline: how long the daemon may take; nil is a little more than the wait.
    public func events(
        _ question: EventQuestion, deadline: TimeAmount? = nil
    ) async throws(ClientError) -> EventPage {
        let wait = TimeAmount.milliseconds(Int64(question.waitMilliseconds))
        let answer = try await call(
            .watch(question), deadline: deadline ?? wait + configuration.deadline)
        guard case .events(let page) = answer else { throw .otherMethod }
        return page
    }

    /// Whether the daemon can accept requests now: nil if it can, else the reason.
    public func health(deadline: TimeAmount? = nil) async throws(ClientError) -> String? {
        let answer = try await call(.health, deadline: deadline)
        guard case .health(let notReady) = answer else { throw .otherMethod }
        return notReady
    }

    /// What the daemon is.
    public func serverInfo(deadline: TimeAmount? = nil) async throws(ClientError) -> ServerInfo {
        let answer = try await call(.serverInfo(), deadline: deadline)
        guard case .serverInfo(let info) = answer else { throw .otherMethod }
        return info
    }
}

// MARK: The admin role

extension CouponClient {
    /// Creates a coupon; `issued`, `version` and `lastSequence` are the daemon's.
    public func create(
        _ coupon: Coupon, deadline: TimeAmount? = nil
    ) async throws(ClientError) -> Coupon {
        try await changed(.createCoupon(coupon), deadline)
    }

    /// One coupon.
    public func coupon(
        _ id: CouponID, deadline: TimeAmount? = nil
    ) async throws(ClientError) -> Coupon {
        try await changed(.getCoupon(id), deadline)
    }

    /// Coupons with an id above `after`, by id; `Limits.couponsPerPage` at most.
    /// - Parameters:
    ///   - after: the last id of the page before; 0 for the first page.
    ///   - limit: how many, at most.
    ///   - archived: true for archived coupons only, false for the others only.
    ///   - deadline: how long the daemon may take; nil is the configuration's.
    public func coupons(
        after: CouponID = CouponID(0), limit: Int = 100, archived: Bool = false,
        deadline: TimeAmount? = nil
    ) async throws(ClientError) -> [Coupon] {
        let answer = try await call(
            .listCoupons(after: after, limit: limit, archived: archived), deadline: deadline)
        guard case .coupons(let coupons) = answer else { throw .otherMethod }
        return coupons
    }

    /// Changes title, total or window.
    public func update(
        _ id: CouponID, _ change: CouponChange, deadline: TimeAmount? = nil
    ) async throws(ClientError) -> Coupon {
        try await changed(.updateCoupon(id, change), deadline)
    }

    /// Refuses requests until resumed.
    public func pause(
        _ id: CouponID, deadline: TimeAmount? = nil
    ) async throws(ClientError) -> Coupon {
        try await changed(.pauseCoupon(id), deadline)
    }

    /// Accepts requests again.
    public func resume(
        _ id: CouponID, deadline: TimeAmount? = nil
    ) async throws(ClientError) -> Coupon {
        try await changed(.resumeCoupon(id), deadline)
    }

    /// Refuses requests for good.
    public func close(
        _ id: CouponID, deadline: TimeAmount? = nil
    ) async throws(ClientError) -> Coupon {
        try await changed(.closeCoupon(id), deadline)
    }

    /// Deletes a closed coupon of which no request was decided. Its id is never used again.
    /// - Returns: the coupon as it was.
    public func delete(
        _ id: CouponID, deadline: TimeAmount? = nil
    ) async throws(ClientError) -> Coupon {
        try await changed(.deleteCoupon(id), deadline)
    }

    /// Takes a closed coupon without queued requests out of lists and gate; its rows stay, and requests and
    /// statuses are answered as before.
    public func archive(
        _ id: CouponID, deadline: TimeAmount? = nil
    ) async throws(ClientError) -> Coupon {
        try await changed(.archiveCoupon(id), deadline)
    }

    /// Brings an archived coupon back into the lists; it stays closed.
    public func unarchive(
        _ id: CouponID, deadline: TimeAmount? = nil
    ) async throws(ClientError) -> Coupon {
        try await changed(.unarchiveCoupon(id), deadline)
    }

    /// The raw figures of gate, queue and tables.
    public func audit(
        _ id: CouponID, deadline: TimeAmount? = nil
    ) async throws(ClientError) -> CouponAudit {
        let answer = try await call(.auditCoupon(id), deadline: deadline)
        guard case .audit(let audit) = answer else { throw .otherMethod }
        return audit
    }

    /// A coupon's issues to users with an id above `after`, by user id; `Limits.issuesPerPage` at most. An
    /// empty page is the end; a coupon that does not exist is refused as NOT_FOUND.
    public func issues(
        of coupon: CouponID, after: UserID = UserID(0), limit: Int = Limits.defaultIssuesPerPage,
        deadline: TimeAmount? = nil
    ) async throws(ClientError) -> [Issue] {
        let answer = try await call(
            .listIssues(coupon, after: after, limit: limit), deadline: deadline)
        guard case .issues(let issues) = answer else { throw .otherMethod }
        return issues
    }

    /// Dead letters with an id above `after`, in order, `Limits.deadLettersPerPage` at most.
    /// - Parameters:
    ///   - after: the last id of the page before; 0 for the first page.
    ///   - coupon: only this coupon's; nil for all.
    ///   - deadline: how long the daemon may take; nil is the configuration's.
    public func deadLetters(
        after: Int64 = 0, of coupon: CouponID? = nil, deadline: TimeAmount? = nil
    ) async throws(ClientError) -> [DeadLetter] {
        let answer = try await call(
            .listDeadLetters(after: after, coupon: coupon), deadline: deadline)
        guard case .deadLetters(let letters) = answer else { throw .otherMethod }
        return letters
    }

    /// Issues a dead letter's request with its old sequence.
    public func redrive(
        _ letter: Int64, deadline: TimeAmount? = nil
    ) async throws(ClientError) -> DeadLetter {
        try await decided(.redriveDeadLetter(letter), deadline)
    }

    /// Discards a dead letter, and frees its slot.
    public func discard(
        _ letter: Int64, deadline: TimeAmount? = nil
    ) async throws(ClientError) -> DeadLetter {
        try await decided(.discardDeadLetter(letter), deadline)
    }

    /// Lines of the trail of admin actions with an id below `before`, the newest first. There may be fewer
    /// than `limit`, if they do not fit in a frame; an empty page is the end.
    public func adminActions(
        of subject: TrailSubject, before: Int64 = .max,
        limit: Int = Limits.defaultTrailLinesPerPage, deadline: TimeAmount? = nil
    ) async throws(ClientError) -> [TrailLine] {
        let answer = try await call(
            .listAdminActions(subject, before: before, limit: limit), deadline: deadline)
        guard case .adminActions(let lines) = answer else { throw .otherMethod }
        return lines
    }

    /// What became of a user's requests for a coupon, and why, as far as it can be known.
    public func explanation(
        of user: UserID, for coupon: CouponID, deadline: TimeAmount? = nil
    ) async throws(ClientError) -> [Sentence] {
        let answer = try await call(.explain(coupon: coupon, user: user), deadline: deadline)
        guard case .explanation(let sentences) = answer else { throw .otherMethod }
        return sentences
    }

    /// Empties the daemon's front doors, and reads its settings and the files that they name again.
    /// - Returns: which settings have changed, and which need a restart. A daemon of an earlier version
    ///   names none.
    @discardableResult
    public func reload(
        deadline: TimeAmount? = nil
    ) async throws(ClientError) -> ReloadReport {
        let answer = try await call(.reload, deadline: deadline)
        guard case .reloaded(let report) = answer else { throw .otherMethod }
        return report
    }

    /// Rebuilds a partition's gate from the tables and the queue. If the deadline
    /// passes first, the rebuild still continues.
    /// - Returns: the epoch in which it is open.
    public func rebuildGate(
        _ partition: PartitionID, deadline: TimeAmount? = nil
    ) async throws(ClientError) -> Epoch {
        let answer = try await call(.rebuildGate(partition), deadline: deadline)
        guard case .gateRebuilt(partition, let epoch) = answer else { throw .otherMethod }
        return epoch
    }

    /// Lets a Redis of a lower term have the partitions. Needed if the Redis that had them is gone for good:
    /// a new cluster counts its terms from the beginning.
    /// - Returns: how many partitions had a term.
    public func adoptRedis(deadline: TimeAmount? = nil) async throws(ClientError) -> Int {
        let answer = try await call(.adoptRedis, deadline: deadline)
        guard case .redisAdopted(let partitions) = answer else { throw .otherMethod }
        return partitions
    }

    /// Which Redis serves which partitions, as the daemon knows it.
    public func topology(deadline: TimeAmount? = nil) async throws(ClientError) -> TopologyReport {
        let answer = try await call(.topology, deadline: deadline)
        guard case .topology(let report) = answer else { throw .otherMethod }
        return report
    }

    /// Connections of a daemon to its callers, by id, so the oldest come first.
    /// - Parameters:
    ///   - filter: which connections; its `id` is ignored here.
    ///   - id: only connections with a higher id.
    ///   - limit: how many, at most; fewer if they do not fit in a frame.
    ///   - deadline: how long the daemon may take; nil is the configuration's.
    public func connections(
        _ filter: ConnectionFilter = ConnectionFilter(), after id: Int64 = 0,
        limit: Int = Limits.defaultConnectionsPerPage, deadline: TimeAmount? = nil
    ) async throws(ClientError) -> [CallerConnection] {
        let answer = try await call(
            .listConnections(filter, after: id, limit: limit), deadline: deadline)
        guard case .connections(let connections) = answer else { throw .otherMethod }
        return connections
    }

    /// Ends connections of a daemon to its callers, except this one. Their requests in flight are answered
    /// first.
    /// - Parameters:
    ///   - filter: which connections; at least one of its properties must be set.
    ///   - deadline: how long the daemon may take; nil is the configuration's.
    /// - Returns: how many were ended.
    public func endConnections(
        _ filter: ConnectionFilter, deadline: TimeAmount? = nil
    ) async throws(ClientError) -> Int {
        let answer = try await call(.endConnections(filter), deadline: deadline)
        guard case .connectionsEnded(let count) = answer else { throw .otherMethod }
        return count
    }

    private func decided(
        _ method: Request.Method, _ deadline: TimeAmount?
    ) async throws(ClientError) -> DeadLetter {
        let answer = try await call(method, deadline: deadline)
        guard case .deadLetter(let letter) = answer else { throw .otherMethod }
        return letter
    }

    private func changed(
        _ method: Request.Method, _ deadline: TimeAmount?
    ) async throws(ClientError) -> Coupon {
        let answer = try await call(method, deadline: deadline)
        guard case .coupon(let coupon) = answer else { throw .otherMethod }
        return coupon
    }
}

extension ClientError {
    static var otherMethod: ClientError {
        .wrongAnswer("the answer is for another method")
    }
}
