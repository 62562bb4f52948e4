/// The scheduler's session, as `PostgresLedger` behaves.
import CouponCore
import Models

final class SimulatedLedger: Ledger {
    private let play: Play
    let session: SimulatedSession

    init(_ play: Play, _ fiber: Fiber) {
        self.play = play
        session = SimulatedSession(play, fiber, patienceMilliseconds: 2_000)
    }

    var isConnected: Bool { session.isConnected }

    func ping() throws(LedgerError) { try session.read { _ in } }

    func joinMembers() throws(LedgerError) -> Membership {
        let server = try session.enter()
        server.isMember = true
        let membership = play.postgres.membership(of: server)
        try session.leave(server)
        return membership
    }

    func claim(_ partition: PartitionID) throws(LedgerError) -> Bool {
        if let server = session.session, server.owned.contains(partition) { return true }
        let server = try session.enter()
        let isOwner =
            play.postgres.tryOwn(partition, server)
            // Two owners at once must be harmless.
            || play.chance(play.faults.twoOwners)
        if isOwner { server.owned.insert(partition) }
        try session.leave(server)
        return isOwner
    }

    func release(_ partition: PartitionID) throws(LedgerError) {
        guard let server = session.session, server.owned.contains(partition) else { return }
        _ = try session.enter()
        server.owned.remove(partition)
        try session.leave(server)
    }

    func partition(_ partition: PartitionID) throws(LedgerError) -> PartitionRow {
        try session.read { $0[partition] }
    }

    func raiseEpoch(
        of partition: PartitionID, above floor: Epoch, identity: RedisIdentity
    ) throws(LedgerError) -> Epoch {
        try session.commit(locking: .partition(partition), "raise the epoch above \(floor)") {
            $0.raiseEpoch(of: partition, above: floor, identity: identity)
        }
    }

    /// Hopes first, and runs again carefully where a candidate met a row or was refused: in between the
    /// locks are gone, and anything may happen.
    func issue(_ batch: Batch) throws(LedgerError) -> Commit {
        do throws(LedgerError) {
            try begin(batch)
            if !isSmooth(batch) {
                session.rollBack()
                try begin(batch)
            }
            let (play, poisoned) = (play, play.poisoned)
            return try session.commit(
                "batch \(batch.from) to \(batch.to) epoch \(batch.epoch), \(batch.items.count) entries"
            ) { tables in
                tables.issue(batch, now: play.postgres.now) { poisoned.contains($0) }
            }
        } catch {
            session.rollBack()
            throw error
        }
    }

    private func begin(_ batch: Batch) throws(LedgerError) {
        let server = try session.enter()
        try session.lock(.partition(batch.partition))
        if play.postgres.tables.isFenced(batch) { throw .fenced }
        for coupon in batch.couponIDs { try session.lock(.coupon(coupon)) }
        try session.leave(server)
    }

    private func isSmooth(_ batch: Batch) -> Bool {
        let tables = play.postgres.tables
        return batch.items.allSatisfy { item in
            guard case .entry(let entry) = item else { return true }
            return entry.requests.allSatisfy {
                tables.issues[entry.coupon]?[$0.user] == nil && !play.poisoned.contains($0.user)
            }
        }
    }

    func refusals(
        in partition: PartitionID, after from: Position, upTo to: Position
    ) throws(LedgerError) -> [Refusal] {
        try session.read { $0.refusals(in: partition, after: from, upTo: to) }
    }

    func coupons(_ ids: [CouponID]) throws(LedgerError) -> [Coupon] {
        try session.read { $0.coupons(ids) }
    }

    func load(_ coupon: CouponID) throws(LedgerError) -> LoadedCoupon? {
        try session.read { $0.load(coupon) }
    }
}
