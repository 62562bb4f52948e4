/// A lane's session, in place of `PostgresCouponStore`.
import CouponCore
import CoreTestKit

final class SimulatedStore: CouponStore {
    let play: Play
    let session: SimulatedSession

    init(_ play: Play, _ fiber: Fiber) {
        self.play = play
        session = SimulatedSession(play, fiber, kind: .store)
    }

    func partitions() throws(BackendError) -> [PartitionRow] { try session.read { $0.partitions } }

    /// Only the status page asks for them.
    func owners() throws(BackendError) -> [PartitionID: String] { [:] }

    func coupon(_ id: CouponID) throws(BackendError) -> Coupon? {
        try session.read { $0.coupons[id] }
    }

    func coupons(
        after: CouponID, limit: Int, archived: Bool
    ) throws(BackendError) -> [Coupon] {
        try session.read { tables in
            let some = tables.coupons.filter { $0.key > after && $0.value.isArchived == archived }
            return Array(tables.coupons(Array(some.keys)).prefix(limit))
        }
    }

    func coupons(_ ids: [CouponID]) throws(BackendError) -> [Coupon] {
        try session.read { $0.coupons(ids) }
    }

    func opening(within milliseconds: Int64, limit: Int) throws(BackendError) -> [CouponID] {
        let now = play.wall(offset: 0)
        let end = now.advanced(byMilliseconds: milliseconds)
        return try session.read { tables in
            let opening = tables.coupons.values.filter {
                $0.state == .active && $0.window.opens > now && $0.window.opens <= end
            }
            return opening.map(\.id).sorted().prefix(limit).map { $0 }
        }
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

    func decisions(
        _ questions: [AcceptedRequest], in partition: PartitionID
    ) throws(BackendError) -> Decisions {
        let decisions = try session.read { $0.decisions(questions, in: partition) }
        play.witness.didRead(questions)
        return decisions
    }

    func standings(of users: [CouponUser]) throws(BackendError) -> [UserStanding?] {
        let standings = try session.read { tables in
            users.map { tables.standing(of: $0.user, for: $0.coupon) }
        }
        play.witness.didRead(users)
        return standings
    }

    func statusRows(
        _ questions: [StatusQuestion], _ partitioning: Partitioning, during work: () -> Void
    ) throws(BackendError) -> StatusRows {
        // Two statements, and work at the same time: a commit may come between any of them.
        let moment = play.line.random(0...2)
        if moment == 0 { work() }
        var rows = try session.read { $0.statusRows(questions) }
        if moment == 1 { work() }
        rows.standings = try session.read { $0.statusRows(questions).standings }
        play.witness.didRead(questions)
        if moment == 2 { work() }
        return rows
    }

    func create(_ coupon: Coupon, by call: AdminCall) throws(BackendError) -> Bool {
        try session.commit(locking: .coupon(coupon.id), "create") { tables in
            if tables.coupons[coupon.id] != nil { return false }
            tables.coupons[coupon.id] = coupon
            return true
        }
    }

    func update(
        _ id: CouponID, _ change: CouponChange, by call: AdminCall,
        cap: (Coupon, PartitionRow) -> Bool
    ) throws(BackendError) -> CouponUpdateResult? {
        guard try writeOutbox(id) else { return nil }
        var isCapLeft = false
        defer {
            session.rollBack()
            if isCapLeft { _ = try? writeOutbox(id) }
        }
        try session.leave(session.enter())
        try session.lock(.outbox(id))
        guard play.postgres.tables.notes[id] != nil else {
            throw .postgres(.busy("the outbox row is gone"))
        }
        guard let coupon = try lock(id) else { return nil }
        var changed = coupon.changed(by: change)
        if changed == coupon { return .updated(coupon) }
        if let fault = changed.fault(after: coupon) { return .invalid(fault) }
        changed.version += 1
        if changed.asksGate(after: coupon) {
            isCapLeft = true
            let row = play.postgres.tables[partition(of: id)]
            if !cap(changed, row) { return .refusedByGate }
        }
        let result = changed
        let update: CouponUpdateResult = try session.commit("change \(change)") { tables in
            tables.coupons[id] = result
            return .updated(result)
        }
        isCapLeft = false
        return update
    }

    func writeOutbox(_ id: CouponID) throws(BackendError) -> Bool {
        let now = play.postgres.now
        return try session.commit(locking: .outbox(id), "outbox row") { tables in
            if tables.coupons[id] != nil { tables.notes[id] = now }
            return tables.coupons[id] != nil
        }
    }

    func resync(
        passing partitions: Set<PartitionID>, _ update: (Coupon, PartitionRow) -> Bool,
        deleted remove: (CouponID, PartitionRow) -> Bool
    ) throws(BackendError) -> ResyncResult {
        defer { session.rollBack() }
        try session.leave(session.enter())
        let due = play.postgres.tables.notes.sorted { ($0.value, $0.key) < ($1.value, $1.key) }
            .filter { $0.value < play.postgres.now.advanced(byMilliseconds: -2_000) }
            .filter { !partitions.contains(partition(of: $0.key)) }
        guard let server = session.session,
            let id = due.map(\.key).first(where: {
                play.postgres.tryLock(.outbox($0), exclusively: true, server)
            })
        else { return .nothingDue }
        let coupon = try lock(id)
        let row = play.postgres.tables[partition(of: id)]
        let isSynced = coupon.map { update($0, row) } ?? remove(id, row)
        let (now, ofCoupon) = (play.postgres.now, partition(of: id))
        return try session.commit("outbox row of coupon \(id.rawValue)") { tables in
            tables.notes[id] = isSynced ? nil : now
            return isSynced ? .synced : .failed(ofCoupon, nil)
        }
    }

    /// Locks the partition's row, shared, and then the coupon's.
    func lock(_ id: CouponID) throws(BackendError) -> Coupon? {
        try session.lock(.partition(partition(of: id)), exclusively: false)
        try session.lock(.coupon(id))
        session.session?.isWorking = false
        session.session?.silentSince = play.line.now
        return play.postgres.tables.coupons[id]
    }

    func partition(of id: CouponID) -> PartitionID { play.partitioning.partition(of: id) }
}
