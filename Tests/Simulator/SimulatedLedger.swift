/// The scheduler's session, in place of `PostgresLedger`.
import CouponCore
import CoreTestKit

final class SimulatedLedger: Ledger {
    let play: Play
    let session: SimulatedSession

    init(_ play: Play, _ fiber: Fiber) {
        self.play = play
        session = SimulatedSession(play, fiber, kind: .ledger)
    }

    var isConnected: Bool { session.isConnected }

    func ping() throws(BackendError) { try session.read { _ in } }

    func joinMembers() throws(BackendError) -> Membership {
        let server = try session.enter()
        server.isMember = true
        let membership = play.postgres.membership(of: server)
        try session.leave(server)
        return membership
    }

    func claim(_ partition: PartitionID) throws(BackendError) -> Bool {
        if let server = session.session, server.owned.contains(partition) { return true }
        let server = try session.enter()
        let isOwner =
            play.postgres.tryOwn(partition, server)
            // Two owners at the same time must be harmless.
            || play.chance(play.faults.twoOwners)
        if isOwner {
            server.owned.insert(partition)
            try session.waitForStandby(server)
        }
        try session.leave(server)
        return isOwner
    }

    func release(_ partition: PartitionID) throws(BackendError) {
        guard let server = session.session, server.owned.contains(partition) else { return }
        _ = try session.enter()
        server.owned.remove(partition)
        try session.leave(server)
    }

    func lock(_ kind: HandoverLock, of partition: PartitionID) throws(BackendError) -> Bool {
        if session.session?.handovers[kind]?.contains(partition) == true { return true }
        let server = try session.enter()
        let isTaken = play.postgres.tryLock(kind, of: partition, server)
        try session.leave(server)
        return isTaken
    }

    func unlock(_ kind: HandoverLock, of partition: PartitionID) throws(BackendError) {
        guard session.session?.handovers[kind]?.contains(partition) == true else { return }
        let server = try session.enter()
        server.handovers[kind]?.remove(partition)
        try session.leave(server)
    }

    func partition(_ partition: PartitionID) throws(BackendError) -> PartitionRow {
        try session.read { $0[partition] }
    }

    func raiseEpoch(
        of partition: PartitionID, above floor: Epoch, node: RedisNodeState
    ) throws(BackendError) -> PartitionRow {
        let raised: PartitionRow? = try session.commit(
            locking: .partition(partition), "raise the epoch above \(floor)"
        ) { [play] tables in
            if tables.isFenced(partition, for: node) { return nil }
            let row = tables.raiseEpoch(of: partition, above: floor, node: node)
            play.liveness.didRaise(row)
            play.witness.didRaise(row)
            return row
        }
        guard let raised else { throw .postgres(.fenced) }
        return raised
    }

    /// Runs the batch, and runs it again row by row if a request is refused or its user has a row. The locks
    /// are released between the two runs.
    func issue(_ batch: Batch) throws(BackendError) -> Commit {
        do throws(BackendError) {
            try begin(batch)
            if !isSmooth(batch) {
                session.rollBack()
                try begin(batch)
            }
            try runInto(batch)
            try session.spend(play.weights.requests(batch.requestCount))
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

    private func begin(_ batch: Batch) throws(BackendError) {
        let server = try session.enter()
        try session.lock(.partition(batch.partition))
        if play.postgres.tables.isFenced(batch) { throw .postgres(.fenced) }
        for coupon in batch.couponIDs { try session.lock(.coupon(coupon)) }
        try session.leave(server)
    }

    private func isSmooth(_ batch: Batch) -> Bool {
        let tables = play.postgres.tables
        return batch.items.allSatisfy { item in
            guard case .entry(let entry) = item else { return true }
            return entry.acceptedRequests.allSatisfy {
                tables.issues[$0.coupon]?[$0.user] == nil && !play.poisoned.contains($0.user)
            }
        }
    }

    func rejections(
        in partition: PartitionID, after from: Position, upTo to: Position
    ) throws(BackendError) -> [Rejection] {
        try session.read { $0.rejections(in: partition, after: from, upTo: to) }
    }

    func coupons(_ ids: [CouponID]) throws(BackendError) -> [Coupon] {
        try session.read { $0.coupons(ids) }
    }

    func marks(of coupons: [CouponID]) throws(BackendError) -> [LoadMarks] {
        try session.read { $0.marks(of: coupons) }
    }

    func holders(
        of coupon: CouponID, after place: HolderPlace, limit: Int
    ) throws(BackendError) -> HolderPage {
        try session.read(work: { play.weights.rows($0.holders.count) }) {
            $0.holders(of: coupon, after: place, limit: limit)
        }
    }

    func holders(
        of coupons: [CouponID], limit: Int
    ) throws(BackendError) -> [CouponID: [LoadedHolder]]? {
        try session.read(work: { play.weights.rows($0?.values.reduce(0) { $0 + $1.count } ?? 0) }) {
            $0.holders(of: coupons, limit: limit)
        }
    }
}
