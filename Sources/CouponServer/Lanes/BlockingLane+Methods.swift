/// The slow methods of the protocol: those of operators and admins.
internal import CouponCore
internal import CouponWire

extension BlockingLane {
    /// Answers a slow method; with an error if its deadline has passed or its caller's connection is closed.
    /// - Parameter call: who called it.
    func answer(
        _ method: Request.Method, of call: AdminCall, deadline: MonotonicTime,
        to caller: CallerPresence, _ answered: @escaping Answered
    ) {
        if !caller.isThere {
            return answered(.failure(CallerPresence.gone))
        }
        guard clocks.now() < deadline else {
            return answered(
                .failure(
                    Failure(.deadlineExceeded, "the deadline passed before the method's turn")))
        }
        if case .rebuildGate(let partition) = method {
            return rebuild(partition, by: call, deadline: deadline, to: caller, answered)
        }
        if case .endConnections(let filter) = method {
            let count = loopServers.endConnections(filter, except: caller)
            let action = AdminAction(call: call, after: TrailDocument.of(filter, count: count))
            log(action)
            queue(action)
            return answered(.connectionsEnded(count))
        }
        do throws(BackendError) {
            let result = try perform(method, by: call, deadline: deadline)
            if method.leavesTrail { logDone(method, call) }
            answered(result)
        } catch {
            var failure = keeper.failure(error)
            // The session may have broken while its COMMIT was in flight.
            if case .postgres(.sessionLost) = error, method.descriptor.effect == .tables {
                failure = failure.with(acceptance: .unknown)
            }
            if method.leavesTrail { recordFailure(failure, of: method, call) }
            answered(.failure(failure))
        }
    }

    private func perform(
        _ method: Request.Method, by call: AdminCall, deadline: MonotonicTime
    ) throws(BackendError) -> Response.Result {
        switch method {
        case .createCoupon(let coupon): .coupon(try keeper.create(coupon, by: call))
        case .getCoupon(let id): .coupon(try keeper.existing(id))
        case .listCoupons(let after, let limit, let archived):
            .coupons(try store.coupons(after: after, limit: limit, archived: archived))
        case .updateCoupon(let id, let change):
            try update(id, change, by: call, deadline)
        case .pauseCoupon(let id):
            try update(id, CouponChange(state: .paused), by: call, deadline)
        case .resumeCoupon(let id):
            try update(id, CouponChange(state: .active), by: call, deadline)
        case .closeCoupon(let id):
            try update(id, CouponChange(state: .closed), by: call, deadline)
        case .deleteCoupon(let id): .coupon(try keeper.delete(id, by: call, deadline: deadline))
        case .archiveCoupon(let id):
            try update(id, CouponChange(isArchived: true), by: call, deadline)
        case .unarchiveCoupon(let id):
            try update(id, CouponChange(isArchived: false), by: call, deadline)
        case .auditCoupon(let id): .audit(try audit(id))
        case .listIssues(let coupon, let after, let limit):
            .issues(try issues(of: coupon, after: after, limit: limit))
        case .listDeadLetters(let after, let coupon):
            .deadLetters(
                try letters.list(after: after, of: coupon, limit: Limits.deadLettersPerPage))
        case .redriveDeadLetter(let id): .deadLetter(try letters.decide(id, .redriven, by: call))
        case .discardDeadLetter(let id): .deadLetter(try letters.decide(id, .discarded, by: call))
        case .listAdminActions(let subject, let before, let limit):
            .adminActions(try store.trail(of: subject, before: before, limit: limit))
        case .explain(let coupon, let user):
            .explanation(try keeper.explain(CouponUser(user: user, coupon: coupon)).sentences)
        case .reload: try recordedReload(by: call)
        case .adoptRedis: .redisAdopted(partitions: try store.adoptRedis(by: call))
        case .topology: .topology(try topologyReport())
        case .listConnections(let filter, let after, let limit):
            .connections(loopServers.listConnections(filter, after: after, limit: limit))
        case .issue, .couponStatus, .issueBatch, .couponStatusBatch, .watch, .health, .serverInfo,
            .authenticate, .rebuildGate, .endConnections:
            throw .answer(Failure(.internal, "internal: method routed to the wrong handler"))
        }
    }

    private func update(
        _ id: CouponID, _ change: CouponChange, by call: AdminCall, _ deadline: MonotonicTime
    ) throws(BackendError) -> Response.Result {
        .coupon(try keeper.update(id, change, by: call, deadline: deadline))
    }

    private func topologyReport() throws(BackendError) -> TopologyReport {
        guard let topology = environment.topology else {
            let reason = environment.topologyTrouble ?? "it is being read"
            throw .answer(.unavailable("the topology of Redis is not known yet: \(reason)"))
        }
        return TopologyReport(topology, partitioning, trouble: environment.topologyTrouble)
    }

    /// An empty page means that there are no more issues; an unknown coupon is an error.
    private func issues(
        of coupon: CouponID, after: UserID, limit: Int
    ) throws(BackendError) -> [Issue] {
        let page = try store.issues(of: coupon, after: after, limit: limit)
        if page.isEmpty { _ = try keeper.existing(coupon) }
        return page
    }
}
