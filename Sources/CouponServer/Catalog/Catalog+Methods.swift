/// The slow methods of the protocol: statuses, and what admins ask for.
internal import CouponCore
internal import CouponWire

extension Catalog {
    /// The answer to a slow method. Where its deadline has passed already nothing is done.
    func answer(_ method: Request.Method, deadline: MonotonicTime) -> Response.Result {
        guard clocks.now() < deadline else {
            return .failure(
                Failure(.deadlineExceeded, "the deadline passed before the method's turn"))
        }
        do throws(Failure) {
            return try perform(method, deadline: deadline)
        } catch {
            return .failure(error)
        }
    }

    private func perform(
        _ method: Request.Method, deadline: MonotonicTime
    ) throws(Failure) -> Response.Result {
        switch method {
        case .couponStatus(let coupon, let user): .couponStatus(try status(coupon, user))
        case .createCoupon(let coupon): .coupon(try create(coupon))
        case .getCoupon(let id): .coupon(try existing(id))
        case .listCoupons(let after, let limit):
            .coupons(
                try ledger { () throws(LedgerError) in
                    try store.coupons(after: after, limit: limit)
                })
        case .updateCoupon(let id, let change): .coupon(try update(id, change, deadline))
        case .pauseCoupon(let id):
            .coupon(try update(id, CouponChange(state: .paused), deadline))
        case .resumeCoupon(let id):
            .coupon(try update(id, CouponChange(state: .active), deadline))
        case .closeCoupon(let id):
            .coupon(try update(id, CouponChange(state: .closed), deadline))
        case .auditCoupon(let id): .audit(try audit(id))
        case .issue, .health, .serverInfo:
            throw Failure(.internal, "this method is not the catalog's")
        }
    }

    private func existing(_ id: CouponID) throws(Failure) -> Coupon {
        let coupon = try ledger { () throws(LedgerError) in try store.coupon(id) }
        guard let coupon else { throw .noCoupon(id) }
        return coupon
    }

    private func create(_ coupon: Coupon) throws(Failure) -> Coupon {
        let isNew = try ledger { () throws(LedgerError) in try store.create(coupon) }
        guard isNew else {
            throw Failure(.alreadyExists, "there is a coupon with id \(coupon.id.rawValue)")
        }
        forget(coupon.id)
        return coupon
    }

    // MARK: Change

    /// Rules 33 and 34: PostgreSQL first, then the gate; a lower total is capped at the gate before.
    private func update(
        _ id: CouponID, _ change: CouponChange, _ deadline: MonotonicTime
    ) throws(Failure) -> Coupon {
        let partition = partitioning.partition(of: id)
        // A cap needs the coupon in the gate; inside the transaction there is no time to load it.
        if case .some(.some) = change.total, case .failed(let failure) = load(id) { throw failure }
        var used: Int64?
        let update = try ledger { () throws(LedgerError) in
            try store.update(id, change) { coupon, row in
                guard case .some(.some(let total)) = change.total else { return true }
                // The coupon is shown as it would be; the cap belongs to the version before.
                let result = try? gates.cap(
                    id, version: coupon.version - 1, partition: partition, epoch: row.epoch,
                    total: total)
                switch result {
                case .capped: return true
                case .refused(let figure):
                    used = figure
                    return false
                case .notLoaded, .stale, nil: return false
                }
            }
        }
        switch update {
        case nil: throw .noCoupon(id)
        case .invalid(let text): throw Failure(.failedPrecondition, text)
        case .refusedByGate:
            guard let used else { throw .unavailable("the gate could not be asked: try again") }
            throw Failure(
                .failedPrecondition,
                "total: \(used) are accepted already, choose at least that many")
        case .updated(let coupon):
            try set(coupon, partition, deadline)
            return coupon
        }
    }

    /// How long an admin's answer waits for the gate; everybody else's errands wait with it.
    private static let tellingMilliseconds: Int64 = 1_000

    /// Tells the gate. Should that fail, `retell` follows.
    private func set(
        _ coupon: Coupon, _ partition: PartitionID, _ deadline: MonotonicTime
    ) throws(Failure) {
        forget(coupon.id)
        let deadline = min(
            deadline, clocks.now().advanced(byMilliseconds: Self.tellingMilliseconds))
        while clocks.now() < deadline {
            let view = try? gates.inspect(coupon.id, partition: partition, user: nil)
            if let view, view.status == .open,
                let result = try? gates.set(coupon, partition: partition, epoch: view.epoch),
                result != .stale
            {
                return
            }
            clocks.pause(20)
        }
        throw Failure(
            .deadlineExceeded,
            "the change is committed, but the gate could not be told yet: it follows when it opens")
    }

    /// Tells the gates once more what was changed lately, and clears a cap whose change was not committed:
    /// the cap at the total itself is none. Called each second.
    func retell() {
        for _ in 0..<100 {
            let wasTold = try? store.retell { coupon, row in
                let epoch = row.epoch
                let capped = try? gates.cap(
                    coupon.id, version: coupon.version, partition: row.id, epoch: epoch,
                    total: coupon.total ?? Limits.maximumTotal)
                guard let capped, capped != .stale else { return false }
                let told = try? gates.set(coupon, partition: row.id, epoch: epoch)
                return told == .current || told == .notLoaded
            }
            if wasTold != true { return }
        }
    }

    // MARK: Status

    /// Rule 37: the gate first, then PostgreSQL, whose row wins.
    private func status(_ id: CouponID, _ user: UserID?) throws(Failure) -> CouponStatus {
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
    /// Redis that came back from an earlier time does not know whom it accepted since (hole 7).
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

    // MARK: Audit

    private func audit(_ id: CouponID) throws(Failure) -> CouponAudit {
        let partition = partitioning.partition(of: id)
        let view = try gate { () throws(GateControlError) in
            try gates.inspect(id, partition: partition, user: nil)
        }
        let accounts = try ledger { () throws(LedgerError) in try store.accounts(of: id) }
        guard let accounts else { throw .noCoupon(id) }
        let queued = try queuedRequests(of: id, in: partition, after: accounts.cursor)
        let total = accounts.coupon.total
        return CouponAudit(
            accounts: accounts, gate: view.record, queueRequests: queued,
            gateSaysSoldOut: view.record.map { record in total.map { record.used >= $0 } ?? false }
                ?? accounts.coupon.isSoldOut,
            workers: 0, workersClosed: 0)
    }

    private func queuedRequests(
        of id: CouponID, in partition: PartitionID, after cursor: Position
    ) throws(Failure) -> Int64 {
        var last = cursor
        var count: Int64 = 0
        while true {
            let view = try gate { () throws(GateControlError) in
                try gates.read(
                    partition, after: last, upTo: nil,
                    maximumRequests: Limits.requestsPerTransaction)
            }
            guard let end = view.items.last?.position else { return count }
            for case .entry(let entry) in view.items where entry.coupon == id {
                count += Int64(entry.requests.count)
            }
            last = end
        }
    }
}

extension Failure {
    fileprivate static func noCoupon(_ id: CouponID) -> Failure {
        Failure(.notFound, "there is no coupon with id \(id.rawValue)")
    }
}
