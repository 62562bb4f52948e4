/// What loads and statuses ask of PostgreSQL, from the tables of a `ModelWorld`.
import CouponCore
import CoreTestKit

/// Reads coupons and holders; a test is notified before each call.
final class FakeStore: CouponStore {
    enum Call { case marks, holders, holdersOfMany, statuses, coupon, coupons, wait }

    var before: (Call) throws(BackendError) -> Void = { _ in }
    /// What happens after PostgreSQL has read the rows of statuses, and before the gate answers.
    var between: () -> Void = {}
    /// Coupons whose rows cannot be read.
    var damaged: Set<CouponID> = []
    /// Whether pages are read in advance, as PostgreSQL's are.
    var readsAhead = false
    private var ahead: (question: PageQuestion, page: HolderPage)?
    private let world: ModelWorld
    /// Coupons in the outbox.
    var due: [CouponID] = []
    /// Letters whose decision the gate does not know.
    var unsynced: (redriven: Int64, discarded: Int64) = (0, 0)
    /// The same, one by one.
    var letters: [UnsyncedLetter] = []

    init(_ world: ModelWorld) { self.world = world }

    func marks(of coupons: [CouponID]) throws(BackendError) -> [LoadMarks] {
        try before(.marks)
        return world.tables.marks(of: coupons).map {
            LoadMarks(
                coupon: $0.coupon, held: $0.held, redriven: unsynced.redriven,
                discarded: unsynced.discarded)
        }
    }

    func holders(
        of coupon: CouponID, after place: HolderPlace, limit: Int
    ) throws(BackendError) -> HolderPage {
        try before(.holders)
        return world.tables.holders(of: coupon, after: place, limit: limit)
    }

    func holders(_ question: PageQuestion) throws(BackendError) -> HolderPage {
        if let ahead, ahead.question == question {
            self.ahead = nil
            return ahead.page
        }
        return try holders(of: question.coupon, after: question.place, limit: question.limit)
    }

    func holders(
        of coupons: [CouponID], limit: Int
    ) throws(BackendError) -> [CouponID: [LoadedHolder]]? {
        try before(.holdersOfMany)
        return world.tables.holders(of: coupons, limit: limit)
    }

    func readAhead(_ question: PageQuestion) {
        guard readsAhead else { return }
        let page = world.tables.holders(
            of: question.coupon, after: question.place, limit: question.limit)
        ahead = (question, page)
    }

    func statusRows(
        _ questions: [StatusQuestion], _ partitioning: Partitioning, during work: () -> Void
    ) throws(BackendError) -> StatusRows {
        try before(.statuses)
        var rows = world.tables.statusRows(questions)
        between()
        work()
        for coupon in damaged {
            rows.coupons[coupon] = .failure(.postgres(.refused("an unknown state")))
        }
        return rows
    }

    func unsyncedLetters(
        limit: Int, except coupons: Set<CouponID>
    ) throws(BackendError) -> [UnsyncedLetter] {
        let others = letters.filter { $0.coupon.map { !coupons.contains($0) } ?? true }
        return Array(others.prefix(limit))
    }

    func resyncLetter(
        _ id: Int64, _ update: (DeadLetter, Coupon, PartitionRow) -> Bool
    ) throws(BackendError) -> Bool {
        guard let index = letters.firstIndex(where: { $0.id == id }),
            let coupon = letters[index].coupon.flatMap({ world.tables.coupons[$0] })
        else { throw notAskedFor }
        let letter = DeadLetter(
            id: id, accepted: nil, position: .zero, error: "no", state: .discarded,
            createdAt: .zero)
        let isSynced = update(letter, coupon, world.tables[letters[index].partition])
        if isSynced { letters.remove(at: index) }
        return isSynced
    }

    // No test asks for anything else.
    private var notAskedFor: BackendError { .postgres(.refused("not asked for")) }

    func partitions() throws(BackendError) -> [PartitionRow] { throw notAskedFor }
    func owners() throws(BackendError) -> [PartitionID: String] { throw notAskedFor }
    func coupon(_ id: CouponID) throws(BackendError) -> Coupon? {
        try before(.coupon)
        return world.tables.coupons[id]
    }
    func waitForChanges(of coupon: CouponID) throws(BackendError) { try before(.wait) }
    func coupons(
        after: CouponID, limit: Int, archived: Bool
    ) throws(BackendError) -> [Coupon] { throw notAskedFor }
    func coupons(_ ids: [CouponID]) throws(BackendError) -> [Coupon] {
        try before(.coupons)
        return world.tables.coupons(ids)
    }
    func opening(within milliseconds: Int64, limit: Int) throws(BackendError) -> [CouponID] {
        throw notAskedFor
    }
    func decisions(
        _ questions: [AcceptedRequest], in partition: PartitionID
    ) throws(BackendError) -> Decisions { throw notAskedFor }
    func standings(of users: [CouponUser]) throws(BackendError) -> [UserStanding?] {
        throw notAskedFor
    }
    func create(_ coupon: Coupon, by call: AdminCall) throws(BackendError) -> Bool {
        throw notAskedFor
    }
    func update(
        _ id: CouponID, _ change: CouponChange, by call: AdminCall,
        cap: (Coupon, PartitionRow) -> Bool
    ) throws(BackendError) -> CouponUpdateResult? { throw notAskedFor }
    func resync(
        passing partitions: Set<PartitionID>, _ update: (Coupon, PartitionRow) -> Bool,
        deleted remove: (CouponID, PartitionRow) -> Bool
    ) throws(BackendError) -> ResyncResult {
        let next = due.firstIndex {
            !partitions.contains(world.partitioning.partition(of: $0))
        }
        guard let next, let coupon = world.tables.coupons[due[next]] else { return .nothingDue }
        // The change is due again later, or not at all.
        due.remove(at: next)
        let partition = world.partitioning.partition(of: coupon.id)
        let isSynced = update(coupon, world.tables[partition])
        return isSynced ? .synced : .failed(partition, nil)
    }
}
