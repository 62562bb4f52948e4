/// The slow methods of the protocol: what admins ask for.
internal import CouponCore
internal import CouponWire

extension BlockingLane {
    /// Answers a slow method; with an error if its deadline has passed or its caller's connection is closed.
    func answer(
        _ method: Request.Method, deadline: MonotonicTime, to caller: CallerPresence,
        _ answered: @escaping Answered
    ) {
        if !caller.isThere {
            return answered(.failure(.unavailable("the caller's connection is closed")))
        }
        guard clocks.now() < deadline else {
            return answered(
                .failure(
                    Failure(.deadlineExceeded, "the deadline passed before the method's turn")))
        }
        if case .rebuildGate(let partition) = method {
            return rebuild(partition, deadline: deadline, to: caller, answered)
        }
        do throws(BackendError) {
            answered(try perform(method, deadline: deadline))
        } catch {
            let failure = keeper.failure(error)
            // The session may have broken while its COMMIT was in flight.
            guard case .postgres(.sessionLost) = error, method.changesTables else {
                return answered(.failure(failure))
            }
            answered(.failure(failure.with(acceptance: .unknown)))
        }
    }

    private func perform(
        _ method: Request.Method, deadline: MonotonicTime
    ) throws(BackendError) -> Response.Result {
        switch method {
        case .createCoupon(let coupon): .coupon(try keeper.create(coupon))
        case .getCoupon(let id): .coupon(try keeper.existing(id))
        case .listCoupons(let after, let limit):
            .coupons(
                try store.coupons(after: after, limit: limit))
        case .updateCoupon(let id, let change):
            .coupon(try keeper.update(id, change, deadline: deadline))
        case .pauseCoupon(let id):
            .coupon(try keeper.update(id, CouponChange(state: .paused), deadline: deadline))
        case .resumeCoupon(let id):
            .coupon(try keeper.update(id, CouponChange(state: .active), deadline: deadline))
        case .closeCoupon(let id):
            .coupon(try keeper.update(id, CouponChange(state: .closed), deadline: deadline))
        case .auditCoupon(let id): .audit(try audit(id))
        case .listIssues(let coupon, let after, let limit):
            .issues(try issues(of: coupon, after: after, limit: limit))
        case .listDeadLetters(let after, let coupon):
            .deadLetters(
                try letters.list(after: after, of: coupon, limit: Limits.deadLettersPerPage))
        case .redriveDeadLetter(let id): .deadLetter(try letters.decide(id, .redriven))
        case .discardDeadLetter(let id): .deadLetter(try letters.decide(id, .discarded))
        case .reload: reload()
        case .issue, .couponStatus, .health, .serverInfo, .rebuildGate:
            throw .answer(Failure(.internal, "internal: method routed to the wrong handler"))
        }
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

extension Request.Method {
    fileprivate var changesTables: Bool {
        switch self {
        case .createCoupon, .updateCoupon, .pauseCoupon, .resumeCoupon, .closeCoupon,
            .redriveDeadLetter, .discardDeadLetter:
            true
        case .issue, .couponStatus, .health, .serverInfo, .getCoupon, .listCoupons, .auditCoupon,
            .listIssues, .listDeadLetters, .reload, .rebuildGate:
            false
        }
    }
}
