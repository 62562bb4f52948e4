/// What admins do to a coupon (rules 33 and 34).
extension CouponKeeper {
    /// A coupon as PostgreSQL has it.
    public func existing(_ id: CouponID) throws(BackendError) -> Coupon {
        let coupon = try store.coupon(id)
        guard let coupon else { throw .answer(.noCoupon(id)) }
        return coupon
    }

    /// Creates a coupon.
    public func create(_ coupon: Coupon, by call: AdminCall) throws(BackendError) -> Coupon {
        let isNew = try store.create(coupon, by: call)
        guard isNew else {
            let id = coupon.id.rawValue
            let isThere = try store.coupon(coupon.id) != nil
            throw .answer(
                Failure(
                    .alreadyExists,
                    isThere
                        ? "there is a coupon with id \(id)"
                        : "there was a coupon with id \(id): its id is never used again"))
        }
        forget(coupon.id)
        return coupon
    }

    /// Rules 33 and 34: PostgreSQL first, then the gate; a lower total first becomes a cap at the gate.
    ///
    /// Waits for the gate until the deadline; if the gate does not have the change by then, `resync` sends
    /// it.
    public func update(
        _ id: CouponID, _ change: CouponChange, by call: AdminCall, deadline: MonotonicTime
    ) throws(BackendError) -> Coupon {
        let partition = partitioning.partition(of: id)
        // A cap needs the coupon in the gate; inside the transaction there is no time to load it.
        if case .some(.some) = change.total { try load(id, by: deadline) }
        var used: Int64?
        var cause = Self.gateNotOpen
        let update = try store.update(id, change, by: call) { coupon, row in
            if change.isArchived == true {
                return remove(id, version: coupon.version - 1, row, &cause)
            }
            guard case .some(.some(let total)) = change.total else { return true }
            // This is the changed coupon; the cap belongs to the version before.
            do throws(BackendError) {
                switch try gates.cap(
                    id, version: coupon.version - 1, partition: partition, epoch: row.epoch,
                    total: total)
                {
                case .capped: return true
                case .refused(let figure): used = figure
                case .notLoaded, .stale: break
                }
            } catch {
                cause = error
            }
            return false
        }
        switch update {
        case nil: throw .answer(.noCoupon(id))
        case .invalid(let text): throw .answer(Failure(.failedPrecondition, text))
        case .refusedByGate:
            guard let used else { throw cause }
            throw .answer(
                Failure(
                    .failedPrecondition,
                    "total: must be at least \(used), which are accepted already"))
        case .updated(let coupon):
            try updateGate(id, deadline) { partition, epoch in
                let result = try? gates.set(coupon, partition: partition, epoch: epoch)
                return result.map { $0 != .stale } ?? false
            }
            return coupon
        }
    }

    static let gateNotOpen = BackendError.answer(.gateNotOpen)

    /// How long an admin's call waits for the gate, in milliseconds; later calls of the lane wait for this
    /// call.
    private static let gateUpdateMilliseconds: Int64 = 1_000

    /// Sends a committed change to the gate; if that fails, `resync` sends it later.
    func updateGate(
        _ coupon: CouponID, _ deadline: MonotonicTime, _ send: (PartitionID, Epoch) -> Bool
    ) throws(BackendError) {
        forget(coupon)
        let partition = partitioning.partition(of: coupon)
        let deadline = min(
            deadline, clocks.now().advanced(byMilliseconds: Self.gateUpdateMilliseconds))
        while clocks.now() < deadline {
            let view = try? gates.inspect(coupon, partition: partition, user: nil)
            if let view, view.status == .open, send(partition, view.epoch) { return }
            clocks.pause(20)
        }
        throw .answer(
            Failure(
                .deadlineExceeded,
                "the change is committed, but the gate could not be updated yet: "
                    + "the daemon tries again each second",
                acceptance: .unknown))
    }

    /// Sends changes in the outbox to the gates again. It clears the cap of a change that was not committed:
    /// it sets the cap to the total, where it has no effect. Called each second.
    public func resync() {
        let end = clocks.now().advanced(byMilliseconds: Limits.resyncMilliseconds)
        stuck.begin()
        for _ in 0..<100 {
            let result = resyncNext { coupon, row in
                let epoch = row.epoch
                let capped = try? gates.cap(
                    coupon.id, version: coupon.version, partition: row.id, epoch: epoch,
                    total: coupon.total ?? Limits.maximumTotal)
                guard let capped, capped != .stale else { return false }
                let result = try? gates.set(coupon, partition: row.id, epoch: epoch)
                return result == .current || result == .notLoaded
            } deleted: { coupon, row in
                let result = try? gates.remove(
                    coupon, version: 0, partition: row.id, epoch: row.epoch)
                return result == .removed
            }
            switch result {
            case .synced: break
            case .nothingDue: if !stuck.tryEarlierOnes() { return }
            case .failed(let partition, let error):
                if let error { _ = failure(error) }
                stuck.fail(partition)
            case nil: return
            }
            // A step may take seconds, and other work of this thread waits for the round.
            if clocks.now() >= end { return }
        }
    }

    /// - Returns: nil if PostgreSQL cannot be reached.
    private func resyncNext(
        _ update: (Coupon, PartitionRow) -> Bool, deleted remove: (CouponID, PartitionRow) -> Bool
    ) -> ResyncResult? {
        do throws(BackendError) {
            return try store.resync(passing: stuck.all, update, deleted: remove)
        } catch {
            _ = failure(error)
            return nil
        }
    }
}

extension Failure {
    /// The coupon is not in PostgreSQL.
    public static func noCoupon(_ id: CouponID) -> Failure {
        Failure(.notFound, "there is no coupon with id \(id.rawValue)")
    }
}
