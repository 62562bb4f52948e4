/// What may be said of a coupon and of a user (rule 37).
extension CouponKeeper {
    /// Rule 37: the gate first, then PostgreSQL, whose row wins.
    public func status(of id: CouponID, user: UserID?) throws(Failure) -> CouponStatus {
        let partition = partitioning.partition(of: id)
        var gateFailure = Failure.unavailable("the gate is not open yet")
        var view: GateInspection?
        do throws(Failure) {
            view = try gate { () throws(GateControlError) in
                try gates.inspect(id, partition: partition, user: user)
            }
            if view?.status != .open { view = nil }
        } catch {
            gateFailure = error
        }
        let coupon = try existing(id)
        var standing: UserStanding?
        if let user {
            standing = try ledger { () throws(LedgerError) in
                try store.standing(of: user, for: id)
            }
        }
        guard let userStatus = userStatus(standing, view, asked: user != nil) else {
            throw gateFailure
        }
        if user != nil, userStatus == UserStatus.none, let view,
            !(try isTrusted(view, partition))
        {
            throw gateFailure
        }
        return CouponStatus(
            coupon: coupon,
            accepted: max(
                coupon.lastSequence, view?.record.map { $0.nextSequence - 1 } ?? 0),
            queued: view?.record?.queued ?? 0, user: userStatus)
    }

    /// Whether a gate is the one that PostgreSQL knows: only that one may say that a user has nothing. A
    /// Redis that came back from an earlier time does not know whom it accepted since (rule 37).
    private func isTrusted(
        _ view: GateInspection, _ partition: PartitionID
    ) throws(Failure) -> Bool {
        // Of the connection that gave the view: a new one is only made after an error.
        let identity = try gate { () throws(GateControlError) in try gates.identity() }
        let rows = try ledger { () throws(LedgerError) in try store.partitions() }
        return rows.contains {
            $0.id == partition && $0.epoch == view.epoch && $0.identity == identity
        }
    }

    /// Nil where nobody can say.
    private func userStatus(
        _ standing: UserStanding?, _ view: GateInspection?, asked: Bool
    ) -> UserStatus? {
        if case .issued(let sequence, _, let at) = standing {
            return .issued(sequence: sequence, at: at)
        }
        if let holder = view?.holder, holder.rejection == nil, holder.position > .zero {
            if case .rejected(let sequence, _, let reason) = standing, sequence == holder.sequence {
                return .rejected(sequence: sequence, reason: reason)
            }
            return .queued(sequence: holder.sequence)
        }
        if case .rejected(let sequence, _, let reason) = standing {
            return .rejected(sequence: sequence, reason: reason)
        }
        return view == nil ? nil : UserStatus.none
    }
}
